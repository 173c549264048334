"""Each runbook's commands, run in their order against the fault that its alarm is for, and what became of it.

A runbook's blocks of commands come out of its page, so a page and its commands cannot part.
"""

import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from local.aws import ROOT
from tests.answers import Answer
from tests.deployed.commands.conftest import Orders
from tests.deployed.conftest import wait_for
from tests.deployed.drills.conftest import Drill, order
from tests.deployed.drills.faults import Fault

RUNBOOKS = ROOT / "docs" / "runbooks"
_FENCE = re.compile(r"^```[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)


class Runbook:
    """A runbook in somebody's hands: its blocks of commands, run one after the other."""

    def __init__(self, alarm: str, orders: Orders) -> None:
        self._blocks = iter(_FENCE.findall((RUNBOOKS / f"{alarm}.md").read_text("utf-8")))
        self._orders = orders

    def follow(self, **words: str) -> list[Answer]:
        """Run the next block, with what its words in capitals stand for; no command may be refused as bad input."""
        lines = [line for line in next(self._blocks).splitlines() if line.startswith("orders ")]
        answers = [self._orders(*_arguments(line, words)) for line in lines]
        assert answers, "a block without a command of `orders`"
        for line, answer in zip(lines, answers, strict=True):
            assert answer.code in (0, 1), (line, answer)
        return answers

    def end(self) -> None:
        """No block of the page was left out."""
        assert list(self._blocks) == []


def _arguments(line: str, words: Mapping[str, str]) -> list[str]:
    """Split a command, put in what was found out, and watch for less long than a person would."""
    split = shlex.split(line)[1:]
    return [words.get(word, word) if word.isupper() else re.sub("^20s$", "2s", word) for word in split]


@pytest.fixture
def orders(drill: Drill, tmp_path: Path) -> Orders:
    return Orders(drill.deployed.aws.endpoint, tmp_path)


def letters(orders: Orders, queue: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = orders.json("dlq", "list", "--queue", queue, schema="dlq-list")["letters"]
    return found


def fail_beyond_its_budget(drill: Drill, name: str) -> None:
    """Have an order FAILED: its reservation fails until its retries are spent."""
    drill.stock_up(**{name: 5})
    drill.spend_budgets_at_once()
    drill.dynamodb.fail(Fault.BROKEN, "TransactWriteItems")
    drill.publish(order(name, **{name: 2}))
    assert drill.ended(name)["status"] == "FAILED"
    drill.dynamodb.fix()
    wait_for(lambda: drill.row(name).get("status"), lambda status: status in {"FAILED", "PROCESSING"})


def confirmed(drill: Drill, name: str, attempt: int = 1) -> None:
    row = wait_for(lambda: drill.row(name), lambda row: row.get("email_status") == "SENT")
    assert (row["status"], row["attempt"]) == ("CONFIRMED", str(attempt))


@pytest.mark.parametrize("alarm", ["OrdersNotFlowing", "StepsFailing"])
def test_a_step_that_fails(drill: Drill, orders: Orders, alarm: str) -> None:
    name = f"flow-{alarm}"
    runbook = Runbook(alarm, orders)
    drill.stock_up(**{name: 5})
    drill.dynamodb.fail(Fault.BROKEN, "TransactWriteItems")
    drill.publish(order(name, **{name: 2}))
    drill.wait_for_retry(name, "ReserveInventory")

    if alarm == "OrdersNotFlowing":
        runbook.follow()
        (shown,) = runbook.follow(ORDER=name)
    else:
        _, shown = runbook.follow(ORDER=name)
    assert "TransientError" in shown.out
    drill.dynamodb.fix()
    assert drill.ended(name)["status"] == "SUCCEEDED"
    confirmed(drill, name)
    runbook.follow(ORDER=name)
    runbook.end()
    drill.settle()


@pytest.mark.usefixtures("soon_again")
@pytest.mark.parametrize("alarm", ["OldestOrderWaits", "StarterFailing"])
def test_orders_that_wait_in_front_of_the_workflow(drill: Drill, orders: Orders, alarm: str) -> None:
    name = f"waiting-{alarm}"
    runbook = Runbook(alarm, orders)
    drill.stock_up(**{name: 5})
    drill.states.fail(Fault.BROKEN)
    drill.publish(order(name, **{name: 2}))
    wait_for(lambda: letters(orders, "orders"), bool)

    _, listed = runbook.follow()
    assert name in listed.out
    drill.states.fix()
    runbook.follow()
    runbook.end()
    assert drill.ended(name)["status"] == "SUCCEEDED"
    confirmed(drill, name)
    drill.settle()


def test_a_function_outside_the_workflow_that_fails(drill: Drill, orders: Orders) -> None:
    runbook = Runbook("FunctionsFailing", orders)
    drill.stock_up(outside=5)
    with drill.deployed.delivered_again_after(5):
        drill.states.fail(Fault.DOWN)
        drill.publish(order("outside", outside=2))
        runbook.follow()
        runbook.end()
        drill.states.fix()
        assert drill.ended("outside")["status"] == "SUCCEEDED"
    drill.settle()


def test_an_order_that_failed(drill: Drill, orders: Orders) -> None:
    runbook = Runbook("ExecutionsFailed", orders)
    fail_beyond_its_budget(drill, "failed")

    listed, _, shown = runbook.follow(ORDER="failed")
    assert "failed" in listed.out
    assert "orders retry failed" in shown.out
    drill.wait_scale(0.1)
    runbook.follow(ORDER="failed")
    assert drill.ended("failed--2")["status"] == "SUCCEEDED"
    confirmed(drill, "failed", attempt=2)

    fail_beyond_its_budget(drill, "failed-too")
    drill.wait_scale(0.1)
    shown, done, _ = runbook.follow()
    assert "FAILED: " in shown.out
    assert "published again" in done.out
    runbook.end()
    assert drill.ended("failed-too--2")["status"] == "SUCCEEDED"
    confirmed(drill, "failed-too", attempt=2)
    drill.settle()


def test_orders_that_are_chosen_twice_are_processed_once(drill: Drill, orders: Orders) -> None:
    """Published again, and still in the queue: the rows are FAILED as before, so the same command takes them again."""
    fail_beyond_its_budget(drill, "chosen-twice")
    drill.wait_scale(0.1)
    drill.states.fail(Fault.BROKEN)
    with drill.deployed.delivered_again_after(10):
        for _ in range(2):
            told = orders.json("retry", "--status", "FAILED", "--since", "2h", "--yes", schema="retry-many")
            assert {"order_id": "chosen-twice", "attempt": 2, "note": None} in told["published"]
        drill.states.fix()
        assert drill.ended("chosen-twice--2")["status"] == "SUCCEEDED"
        confirmed(drill, "chosen-twice", attempt=2)
        drill.settle()  # which waits until the queue is empty
    assert drill.deployed.execution("chosen-twice--3")["status"] is None
    assert drill.deployed.stock("chosen-twice") == 3
    assert len(drill.deployed.mails_to("chosen-twice@customer.example")) == 1


def test_an_order_that_took_too_long(drill: Drill, orders: Orders) -> None:
    """The emulator's clock cannot be turned by a day, so the execution is stopped: the same event follows."""
    runbook = Runbook("ExecutionsTimedOut", orders)
    drill.stock_up(late=5)
    with drill.throttled("ReserveInventory"):
        drill.publish(order("late", late=2))
        wait_for(lambda: drill.row("late").get("status"), lambda status: status == "PROCESSING")
        drill.stop("late")
        wait_for(lambda: drill.row("late")["status"], lambda status: status == "FAILED")

    listed, *_ = runbook.follow(ORDER="late")
    assert "late" in listed.out
    runbook.follow(ORDER="late")
    runbook.end()
    assert drill.row("late")["status"] == "CANCELLED"
    assert drill.deployed.stock("late") == 5


def test_a_message_that_is_no_order(drill: Drill, orders: Orders) -> None:
    runbook = Runbook("OrderDlqNotEmpty", orders)
    drill.deployed.publish('{"order_id": "wrong", "customer_email": "customer@example.com", "items": []}')
    (letter,) = wait_for(lambda: letters(orders, "orders"), bool)

    listed, shown = runbook.follow(MESSAGE=letter["message_id"])
    assert "InvalidOrder" in listed.out
    assert "items: must be a list of at least one item" in shown.out
    _, dropped = runbook.follow(MESSAGE=letter["message_id"], NEWORDER="right")
    assert '"wrong"' in dropped.out
    runbook.follow()
    runbook.end()
    assert letters(orders, "orders") == []
    assert drill.ended("right")["status"] == "SUCCEEDED"


def test_an_abandoned_order_that_was_not_closed(drill: Drill, orders: Orders) -> None:
    """The emulator's EventBridge calls a function once and has no dead letters: the letter is written by hand.

    The reservation that was held up may still come through, since nobody has fenced it.
    """
    runbook = Runbook("ReleaseDlqNotEmpty", orders)
    drill.stock_up(abandoned=5)
    with drill.throttled("ReserveInventory", "ReleaseAbandoned"):
        drill.publish(order("abandoned", abandoned=2))
        wait_for(lambda: drill.row("abandoned").get("status"), lambda status: status == "PROCESSING")
        drill.stop("abandoned")
        execution = drill.deployed.execution("abandoned")
    event = {
        "source": "aws.states",
        "detail-type": "Step Functions Execution Status Change",
        "detail": {"name": "abandoned", "status": "ABORTED", "input": execution["input"]},
    }
    drill.deployed.aws.client("sqs").send_message(
        QueueUrl=drill.deployed.outputs["ReleaseDlqUrl"], MessageBody=json.dumps(event)
    )

    (letter,) = letters(orders, "releases")
    assert letter["order_id"] == "abandoned"
    listed, shown = runbook.follow(ORDER="abandoned")
    assert "abandoned" in listed.out
    assert "orders retry abandoned" in shown.out
    runbook.follow(ORDER="abandoned", MESSAGE=letter["message_id"])
    runbook.end()
    assert letters(orders, "releases") == []
    assert drill.ended("abandoned--2")["status"] == "SUCCEEDED"
    assert drill.row("abandoned")["status"] == "CONFIRMED"
    assert drill.deployed.stock("abandoned") == 3
    drill.settle()


def mail_event(drill: Drill, kind: str, name: str, **detail: Any) -> str:
    """Give an event of SES's about the order's mail, in the documented shape."""
    row = drill.row(name)
    mail = {
        "messageId": row["email_message_id"],
        "tags": {"order_id": [name], "claim": [row["email_claim"]]},
        "destination": [f"{name}@customer.example"],
    }
    words = {"Bounce": "Email Bounced", "Complaint": "Email Complaint Received", "Delivery": "Email Delivered"}
    event = {"eventType": kind, "mail": mail, kind.lower(): detail}
    return json.dumps({"version": "0", "source": "aws.ses", "detail-type": words[kind], "detail": event})


def confirmed_order(drill: Drill, name: str) -> None:
    drill.stock_up(**{name: 5})
    drill.publish(order(name, **{name: 2}))
    assert drill.ended(name)["status"] == "SUCCEEDED"
    confirmed(drill, name)


def test_an_event_of_a_mail_that_was_not_noted(drill: Drill, orders: Orders) -> None:
    runbook = Runbook("MailEventDlqNotEmpty", orders)
    confirmed_order(drill, "noted")
    drill.deployed.aws.client("sqs").send_message(
        QueueUrl=drill.deployed.outputs["MailEventDlqUrl"],
        MessageBody=mail_event(drill, "Delivery", "noted", timestamp="2026-11-24T08:00:00.000Z"),
    )
    (letter,) = letters(orders, "mail-events")

    listed, _ = runbook.follow(MESSAGE=letter["message_id"])
    assert "noted" in listed.out
    runbook.follow()
    runbook.end()
    wait_for(lambda: drill.row("noted")["email_status"], lambda status: status == "DELIVERED")


DETAILS: dict[str, dict[str, Any]] = {
    "Bounce": {"bounceType": "Permanent", "bounceSubType": "General", "bouncedRecipients": []},
    "Complaint": {"complaintFeedbackType": "abuse"},
}


@pytest.mark.parametrize(
    ("alarm", "kind", "status"),
    [("MailsBouncing", "Bounce", "BOUNCED"), ("MailsComplained", "Complaint", "COMPLAINED")],
)
def test_a_mail_that_was_not_welcome(drill: Drill, orders: Orders, alarm: str, kind: str, status: str) -> None:
    name = f"unwelcome-{status}"
    runbook = Runbook(alarm, orders)
    confirmed_order(drill, name)
    drill.deployed.aws.client("sqs").send_message(
        QueueUrl=drill.deployed.outputs["MailEventQueueUrl"], MessageBody=mail_event(drill, kind, name, **DETAILS[kind])
    )
    wait_for(lambda: drill.row(name)["email_status"], lambda found: found == status)

    listed, shown, _ = runbook.follow(ORDER=name)
    assert name in listed.out
    assert status in shown.out
    runbook.follow(ADDRESS=f"{name}@customer.example")
    runbook.end()


@pytest.mark.parametrize("alarm", ["ExecutionsThrottled", "FunctionsThrottled"])
def test_an_account_that_is_throttled(drill: Drill, orders: Orders, alarm: str) -> None:
    """Neither quota can be used up on the emulator: a function that is refused holds the order up in its stead."""
    name = f"throttled-{alarm}"
    runbook = Runbook(alarm, orders)
    drill.stock_up(**{name: 5})
    with drill.throttled("ReserveInventory"):
        drill.publish(order(name, **{name: 2}))
        drill.wait_for_retry(name, "ReserveInventory")
        watched, _ = runbook.follow()
        assert name in watched.out
    assert drill.ended(name)["status"] == "SUCCEEDED"
    for _ in range(alarm == "FunctionsThrottled"):
        runbook.follow()
    runbook.end()
    drill.settle()


def test_a_table_that_is_throttled(drill: Drill, orders: Orders) -> None:
    runbook = Runbook("TablesThrottled", orders)
    drill.stock_up(**{"throttled-table": 5})
    drill.dynamodb.fail(Fault.THROTTLED, "TransactWriteItems")
    drill.publish(order("throttled-table", **{"throttled-table": 2}))
    drill.wait_for_retry("throttled-table", "ReserveInventory")
    listed, shown = runbook.follow(ORDER="throttled-table")
    assert "throttled-table" in listed.out
    assert "ThrottlingException" in shown.out
    drill.dynamodb.fix()
    assert drill.ended("throttled-table")["status"] == "SUCCEEDED"

    fail_beyond_its_budget(drill, "throttled-long")
    drill.wait_scale(0.1)
    runbook.follow(ORDER="throttled-long")
    runbook.end()
    assert drill.ended("throttled-long--2")["status"] == "SUCCEEDED"
    drill.settle()
