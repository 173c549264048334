"""Executions that ended without their own compensation: timed out, aborted by an operator, or failed for good."""

import json
from typing import Any

import pytest

from functions.reserve_inventory.handler import release_abandoned, reserve_inventory
from functions.shared.errors import OrderAlreadyFailed, TransientError
from functions.update_order.handler import update_order
from tests.functions.builders import CUSTOMER, MISSING, LambdaContext, abandoned_event, execution_input, run
from tests.functions.cloud import Cloud
from tests.functions.conftest import Output
from tests.functions.wire import Wire, answers

DEEP = "[" * 100_000 + "]" * 100_000


@pytest.fixture
def shop(cloud: Cloud) -> Cloud:
    cloud.put_stock(item001=10, item002=5)
    return cloud


def abandon(**changes: Any) -> None:
    release_abandoned(abandoned_event(**changes), LambdaContext())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": "ABORTED"}, "execution ABORTED"),
        ({"status": "TIMED_OUT"}, "execution TIMED_OUT"),
        ({"status": "FAILED", "error": "EmailRejected"}, "execution FAILED: EmailRejected"),
        ({"status": "FAILED", "error": None}, "execution FAILED"),
    ],
    ids=str,
)
def test_an_order_left_confirmed_fails_and_gives_its_stock_back(
    shop: Cloud, output: Output, changes: dict[str, Any], reason: str
) -> None:
    run(update_order)
    run(reserve_inventory)
    abandon(**changes)
    row = shop.order()
    assert row is not None
    assert (row["status"], row["attempt"], row["status_reason"]) == ("FAILED", 1, reason)
    assert shop.available("item001", "item002") == (10, 5)
    assert output.counted == {"OrdersConfirmed": 1, "OrdersFailed": 1}


def test_an_order_left_open_is_closed_and_a_late_reservation_takes_no_stock(shop: Cloud) -> None:
    run(update_order)
    abandon()
    with pytest.raises(OrderAlreadyFailed):
        run(reserve_inventory)
    assert shop.status() == ("FAILED", 1)
    assert shop.available("item001", "item002") == (10, 5)


def test_an_execution_that_was_over_before_its_first_step_closes_the_order_all_the_same(shop: Cloud) -> None:
    abandon()
    assert shop.status() == ("FAILED", 1)


def test_an_execution_that_has_compensated_itself_leaves_nothing_to_do(shop: Cloud, output: Output) -> None:
    shop.put_order("FAILED", 1, status_reason="its own")
    before = shop.order()
    abandon()
    assert shop.order() == before
    assert output.counted == {}


@pytest.mark.parametrize("email_status", ["PENDING", "SENDING", "SENT", "REJECTED", "UNKNOWN"])
def test_an_execution_that_failed_at_its_mail_cancels_no_order(shop: Cloud, output: Output, email_status: str) -> None:
    shop.put_order("CONFIRMED", 1, email_status=email_status)
    before = shop.order()
    abandon(status="FAILED", error="EmailRejected")
    assert shop.order() == before
    assert shop.available("item001", "item002") == (10, 5)
    assert output.counted == {}
    assert [line["level"] for line in output.logs] == ["INFO"]


def test_the_next_attempt_is_not_touched(shop: Cloud) -> None:
    shop.put_order("PROCESSING", 2)
    abandon()
    assert shop.status() == ("PROCESSING", 2)


@pytest.mark.parametrize(
    "given",
    ["", "order", "[]", "null", "5", "{}", json.dumps(execution_input() | {"attempt": 0}), MISSING, None, DEEP],
    ids=lambda value: repr(value)[:30],
)
def test_an_execution_started_by_hand_with_no_order_is_noted_and_done_with(
    shop: Cloud, output: Output, given: Any
) -> None:
    """EventBridge leaves out an input that is too large; another try on any of these would end the same."""
    abandon(input=given)
    assert shop.order() is None
    assert [line["level"] for line in output.logs] == ["WARNING"]
    assert output.logs[0]["execution"] == "12345"


def test_a_throttled_table_is_left_to_the_rules_own_retry(shop: Cloud, wire: Wire) -> None:
    wire.fault("UpdateItem", answers("ThrottlingException"), times=3)
    with pytest.raises(TransientError):
        abandon()
    abandon()
    assert shop.status() == ("FAILED", 1)


def test_its_log_lines_name_order_attempt_and_execution_and_never_the_address(shop: Cloud, output: Output) -> None:
    shop.put_order("CONFIRMED", 1, email_status="SENT")
    abandon()
    (line,) = output.logs
    assert (line["order_id"], line["attempt"], line["execution"]) == ("12345", 1, "12345")
    assert CUSTOMER not in output.text
