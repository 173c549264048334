"""The demo: what it shows is checked, and what is not as expected is named and fails it."""

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from infra.paths import ROOT
from local.demo import __main__ as demo
from local.demo.checks import Checks
from local.demo.stage import Stage, WaitedInVainError
from local.demo.story import SEED, STOCK, TOO_MUCH, UNVERIFIED, tell_story
from ops.dead_letters.dead_letter import DeadLetter
from ops.mail.sent_mails import SentMail
from ops.orders.execution import Attempt
from ops.orders.history import Visit
from ops.tables.order_row import OrderRow
from tests.dead_letters import dead_letter
from tests.local.rows import order_row


def test_the_whole_story_comes_true() -> None:
    """The README's first command, and its output there: 100 columns at most, and no escape codes in a file."""
    environment = {name: value for name, value in os.environ.items() if name not in {"FORCE_COLOR", "COLUMNS"}}
    run = subprocess.run(
        [sys.executable, "-m", "local.demo"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stderr == ""
    assert re.search(r"All \d+ checks passed in \d+ s", run.stdout)
    assert max(len(line) for line in run.stdout.splitlines()) <= 100
    assert "\x1b" not in run.stdout


class ShopThatWorks:
    """What a correct pipeline shows, message by message; each test breaks one thing of it."""

    def __init__(self) -> None:
        self.left = dict(STOCK)
        self.rows: dict[str, OrderRow] = {}
        self.runs: list[Attempt] = []
        self.letters: list[DeadLetter] = []
        self.sent: list[SentMail] = []
        self.waiting = 0
        self.sandbox = False

    def stock_up(self, stock: dict[str, int]) -> None:
        self.left = dict(stock)

    def publish(self, message: str | dict[str, Any]) -> None:
        match message:
            case str():
                self.letters.append(dead_letter(message, "InvalidOrder", "items[0].quantity: must be a whole number"))
            case {"order_id": order_id} if order_id == SEED["order_id"]:
                self.seed()
            case {"order_id": order_id} if order_id == TOO_MUCH["order_id"]:
                self.reject()
            case _:
                self.confirm_without_mail()

    def seed(self) -> None:
        if self.runs:
            return
        self.row(SEED, "CONFIRMED", "SENT")
        self.left = {"item001": 8, "item002": 4}
        self.mail(SEED)
        self.run(SEED, "SUCCEEDED", "UpdateOrder", "ReserveInventory", "SendConfirmation")

    def reject(self) -> None:
        self.row(TOO_MUCH, "REJECTED", None)
        self.run(TOO_MUCH, "SUCCEEDED", "UpdateOrder", "ReserveInventory", "RejectOrder", "OrderRejected")

    def confirm_without_mail(self) -> None:
        if not self.sandbox:
            self.mail(UNVERIFIED)
            self.row(UNVERIFIED, "CONFIRMED", "SENT")
            self.run(UNVERIFIED, "SUCCEEDED", "UpdateOrder", "SendConfirmation", attempt=2)
            return
        self.row(UNVERIFIED, "CONFIRMED", "REJECTED")
        self.left = {"item001": 5, "item002": 4}
        states = ["UpdateOrder", "ReserveInventory", "SendConfirmation"]
        self.run(UNVERIFIED, "FAILED", *states, error="EmailRejected")

    def row(self, order: dict[str, Any], status: str, email_status: str | None) -> None:
        self.rows[order["order_id"]] = order_row(order, status, email_status)

    def mail(self, order: dict[str, Any]) -> None:
        body = f"{order['order_id']} item001 item002"
        self.sent.append(SentMail("m", datetime.now(UTC), "s", (order["customer_email"],), "s", text=body, html=body))

    def run(self, order: dict[str, Any], status: str, *states: str, error: str | None = None, attempt: int = 1) -> None:
        visits = [Visit(state, datetime.now(UTC), 0.1, tries=1) for state in states]
        visits[-1] = replace(visits[-1], error=error)
        content = {**order, "attempt": attempt}
        now = datetime.now(UTC)
        run = Attempt(
            order["order_id"], status, now, now, number=attempt, input=json.dumps(content), states=tuple(visits)
        )
        self.runs.append(run)

    def stock(self) -> dict[str, int]:
        return self.left

    def orders(self) -> dict[str, OrderRow]:
        return self.rows

    def attempts(self, order_id: str) -> list[Attempt]:
        return [run for run in self.runs if run.order_id == order_id]

    def dead_letters(self) -> list[DeadLetter]:
        return self.letters

    def mails(self) -> list[SentMail]:
        return self.sent

    def messages_in(self, _queue: str) -> int:
        return self.waiting

    def restrict_mail(self) -> None:
        self.sandbox = True

    def verify_address(self, _address: str) -> None:
        self.sandbox = False


class MailsTwice(ShopThatWorks):
    def mail(self, order: dict[str, Any]) -> None:
        super().mail(order)
        super().mail(order)


class StartsDuplicates(ShopThatWorks):
    def seed(self) -> None:
        if self.runs:
            self.run(SEED, "SUCCEEDED", "UpdateOrder", attempt=2)
        super().seed()


class TakesSomeOfARejectedOrder(ShopThatWorks):
    def reject(self) -> None:
        super().reject()
        self.left = {**self.left, "item001": self.left["item001"] - 1}


class HidesARefusedMail(ShopThatWorks):
    def run(self, order: dict[str, Any], status: str, *states: str, error: str | None = None, attempt: int = 1) -> None:
        super().run(order, "SUCCEEDED" if error else status, *states, attempt=attempt)


class CancelsForARefusedMail(ShopThatWorks):
    def row(self, order: dict[str, Any], status: str, email_status: str | None) -> None:
        super().row(order, "FAILED" if email_status == "REJECTED" else status, email_status)


class ChangesDeadLetters(ShopThatWorks):
    def dead_letters(self) -> list[DeadLetter]:
        return [replace(letter, body="{}") for letter in self.letters]


class GivesNoReason(ShopThatWorks):
    def dead_letters(self) -> list[DeadLetter]:
        return [dead_letter(letter.body) for letter in self.letters]


class TakesTwice(ShopThatWorks):
    def confirm_without_mail(self) -> None:
        super().confirm_without_mail()
        if not self.sandbox:
            self.left = {**self.left, "item001": 2}


class MailsNonsense(ShopThatWorks):
    def mails(self) -> list[SentMail]:
        return [replace(mail, html=None) for mail in self.sent]


class LeavesDuplicates(ShopThatWorks):
    def seed(self) -> None:
        self.waiting = len(self.runs)
        super().seed()


@pytest.fixture
def told(tmp_path: Path) -> Callable[[ShopThatWorks], Checks]:
    """Tell the story of a shop; give the checks."""

    def tell_of(shop: ShopThatWorks) -> Checks:
        checks = Checks(Console(file=io.StringIO(), width=100))
        pipeline: Any = shop
        tell_story(Stage(pipeline, checks.console, checks, folder=tmp_path, patience=0.2))
        return checks

    return tell_of


def test_a_correct_pipeline_passes_every_check(told: Callable[[ShopThatWorks], Checks]) -> None:
    checks = told(ShopThatWorks())
    assert checks.missed == []
    assert checks.made > 30


@pytest.mark.parametrize(
    ("broken", "named"),
    [
        (MailsTwice, "1  An order comes in: mails to the customer: 2, expected 1"),
        (StartsDuplicates, "executions of the order: 2, expected 1"),
        (TakesSomeOfARejectedOrder, "stock left, nothing taken of either: item001 7, item002 4, expected item001 8"),
        (HidesARefusedMail, "execution: SUCCEEDED, expected FAILED"),
        (CancelsForARefusedMail, "order all the same: FAILED, expected CONFIRMED"),
        (ChangesDeadLetters, "not so: it is the message, unchanged"),
        (GivesNoReason, "not so: error_message names the field and its rule"),
        (TakesTwice, "7  The books: left + confirmed: item001 7, item002 5, expected item001 10, item002 5"),
        (MailsNonsense, "not so: it names the order and its items, as text and as HTML"),
        (LeavesDuplicates, "messages left in the order queue: 1, expected 0"),
    ],
)
def test_what_is_not_as_expected_is_named(
    told: Callable[[ShopThatWorks], Checks], broken: type[ShopThatWorks], named: str
) -> None:
    missed = told(broken()).missed
    assert any(named in line for line in missed), missed


def test_what_never_happens_is_waited_for_in_vain_and_named(told: Callable[[ShopThatWorks], Checks]) -> None:
    class Deaf(ShopThatWorks):
        def publish(self, message: str | dict[str, Any]) -> None:
            """Lose it."""

    with pytest.raises(WaitedInVainError, match="in vain for the workflow of order 12345"):
        told(Deaf())


def test_the_exit_code_says_whether_all_came_true(capsys: pytest.CaptureFixture[str]) -> None:
    checks = Checks(Console())
    checks.expect("order", "CONFIRMED", "CONFIRMED")
    assert demo._print_verdict(Console(), checks, 1.0) == 0
    checks.expect("order [12345]", "FAILED", "CONFIRMED")
    assert demo._print_verdict(Console(), checks, 1.0) == 1
    assert "order [12345]: FAILED, expected CONFIRMED" in capsys.readouterr().out
