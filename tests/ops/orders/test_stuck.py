"""What stands still is found, with what to do about it; what somebody works on is not."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.shared.execution_name import execution_name
from ops.orders import stuck
from ops.orders.ledger import Orders
from ops.orders.stuck import Stuck
from ops.stack import Stack
from tests.clients import pose_as_client
from tests.ops.moto_stack import moto_stack, put
from tests.ops.states import MACHINE, START, States

NOW = datetime.now(UTC)
TWO_HOURS = timedelta(hours=2)


@pytest.fixture
def stack() -> Iterator[Stack]:
    with moto_stack(tables=True) as stack:
        yield stack


def put_order(
    stack: Stack, order_id: str, status: str, mail: str | None = None, *, minutes: float | None = 180
) -> None:
    row: dict[str, Any] = {"order_id": {"S": order_id}, "status": {"S": status}, "attempt": {"N": "1"}}
    row |= {"email_status": {"S": mail}} if mail else {}
    if minutes is not None:
        row["updated_at"] = {"S": (NOW - timedelta(minutes=minutes)).isoformat(timespec="milliseconds")}
    put(stack, "OrdersTableName", **row)


def found(stack: Stack, states: States | None = None, older_than: timedelta = TWO_HOURS) -> dict[str, Stuck]:
    executions = pose_as_client(states or States())
    orders = Orders(stack.client("dynamodb"), executions, table=stack["OrdersTableName"], machine=MACHINE)
    return {one.order_id: one for one in stuck.find_stuck(orders, older_than, lambda _text: None, NOW)}


@pytest.mark.parametrize(
    ("status", "mail", "minutes", "problem"),
    [
        ("PROCESSING", None, 180, "processing"),
        ("PROCESSING", None, None, "processing"),
        ("PROCESSING", None, 60, None),
        ("CONFIRMED", "UNKNOWN", 0, "mail-unknown"),
        ("CONFIRMED", "REJECTED", 0, "mail-rejected"),
        ("CONFIRMED", "SENDING", 11, "mail-sending"),
        ("CONFIRMED", "SENDING", 9, None),
        ("CONFIRMED", "PENDING", 180, "mail-pending"),
        ("CONFIRMED", None, 180, "mail-pending"),
        ("CONFIRMED", None, 60, None),
        ("CONFIRMED", "SENT", 180, None),
        ("CONFIRMED", "BOUNCED", 180, None),
        ("CANCELLED", "REJECTED", 180, None),
        ("REJECTED", None, 180, None),
        ("FAILED", None, 0, "failed"),
    ],
)
def test_a_row_that_nobody_will_move_on_is_found_by_its_status_its_mail_and_its_age(
    stack: Stack, status: str, mail: str | None, minutes: float | None, problem: str | None
) -> None:
    put_order(stack, "12345", status, mail, minutes=minutes)
    assert {name: one.problem for name, one in found(stack).items()} == ({"12345": problem} if problem else {})


def test_each_is_found_with_the_command_that_moves_it_on(stack: Stack) -> None:
    put_order(stack, "a", "PROCESSING")
    put_order(stack, "b", "CONFIRMED", "UNKNOWN")
    advice = {name: one.advice for name, one in found(stack).items()}
    assert "`orders retry a`" in advice["a"]
    assert "`orders email resend b`" in advice["b"]


def test_the_one_that_stands_still_longest_comes_first(stack: Stack) -> None:
    for order_id, minutes in (("newer", 130), ("oldest", 500), ("old", 200)):
        put_order(stack, order_id, "PROCESSING", minutes=minutes)
    assert list(found(stack)) == ["oldest", "old", "newer"]


def test_an_order_that_an_execution_works_on_is_not_stuck_until_that_takes_too_long(stack: Stack) -> None:
    """Also while the row does not know of the next attempt yet."""
    states = States()
    began = (NOW - timedelta(minutes=60) - START).total_seconds()
    states.put("slow", "RUNNING", '{"order_id": "slow"}', began=began)
    states.put("next--2", "RUNNING", '{"order_id": "next"}', began=began)
    put_order(stack, "slow", "PROCESSING")
    put_order(stack, "next", "PROCESSING")
    assert found(stack, states) == {}

    states.tell("slow", "ReserveInventory", "TransientError", "TransientError", ends=False)
    slow = found(stack, states, older_than=timedelta(minutes=30))["slow"]
    assert slow.problem == "running"
    assert slow.what == "execution slow still runs: ReserveInventory, 2 tries: TransientError"
    assert slow.since == NOW - timedelta(minutes=60)


@pytest.mark.parametrize("order_id", ["12345", "order 12345"])
def test_a_confirmed_order_keeps_its_attempt_while_a_later_one_sends_its_mail(stack: Stack, order_id: str) -> None:
    states = States()
    name, began = execution_name(order_id, 3), (NOW - START).total_seconds()
    states.put(name, "RUNNING", json.dumps({"order_id": order_id}), began=began)
    put_order(stack, order_id, "CONFIRMED")
    put_order(stack, f"{order_id}-3", "CONFIRMED")
    assert list(found(stack, states)) == [f"{order_id}-3"]


def test_a_mail_that_may_have_left_is_named_though_an_execution_runs(stack: Stack) -> None:
    states = States()
    states.put("12345--2", "RUNNING", '{"order_id": "12345"}', began=(NOW - START).total_seconds())
    put_order(stack, "12345", "CONFIRMED", "UNKNOWN")
    assert found(stack, states)["12345"].problem == "mail-unknown"
