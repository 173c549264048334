"""Executions that ended without their own compensation: timed out, aborted by an operator, or failed."""

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
        ({"status": "TIMED_OUT", "error": "States.Timeout"}, "execution TIMED_OUT: States.Timeout"),
    ],
    ids=str,
)
def test_a_stopped_execution_gives_back_the_stock_of_an_order_whose_mail_was_not_tried(
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


@pytest.mark.parametrize("status", ["ABORTED", "TIMED_OUT", "FAILED"])
def test_an_order_left_open_is_closed_and_a_late_reservation_takes_no_stock(shop: Cloud, status: str) -> None:
    run(update_order)
    abandon(status=status)
    with pytest.raises(OrderAlreadyFailed):
        run(reserve_inventory)
    assert shop.status() == ("FAILED", 1)
    assert shop.available("item001", "item002") == (10, 5)


@pytest.mark.parametrize("status", ["ABORTED", "TIMED_OUT", "FAILED"])
def test_an_execution_that_was_over_before_its_first_step_closes_the_order_all_the_same(
    shop: Cloud, status: str
) -> None:
    abandon(status=status)
    assert shop.status() == ("FAILED", 1)


def test_an_execution_that_has_compensated_itself_leaves_nothing_to_do(shop: Cloud, output: Output) -> None:
    shop.put_order("FAILED", 1, status_reason="its own")
    before = shop.order()
    abandon()
    assert shop.order() == before
    assert output.counted == {}


MAIL_TRIED = ["PENDING", "SENDING", "SENT", "REJECTED", "UNKNOWN", "DELIVERED", "BOUNCED", "COMPLAINED"]


def assert_left_alone(shop: Cloud, output: Output, email_status: str | None, **ended: Any) -> None:
    shop.put_order("CONFIRMED", 1, email_status=email_status)
    before = shop.order()
    abandon(**ended)
    assert shop.order() == before
    assert shop.available("item001", "item002") == (10, 5)
    assert output.counted == {}
    assert [line["level"] for line in output.logs] == ["INFO"]


@pytest.mark.parametrize("email_status", [None, *MAIL_TRIED])
@pytest.mark.parametrize("error", ["EmailRejected", "AccessDenied", "Runtime.ExitError", "States.Runtime", None])
def test_an_execution_that_failed_cancels_no_confirmed_order(
    shop: Cloud, output: Output, email_status: str | None, error: str | None
) -> None:
    """Without a mail status, nobody could even claim the mail: no permission, no function that starts."""
    assert_left_alone(shop, output, email_status, status="FAILED", error=error)


@pytest.mark.parametrize("email_status", MAIL_TRIED)
@pytest.mark.parametrize("status", ["ABORTED", "TIMED_OUT"])
def test_a_stopped_execution_cancels_no_order_whose_mail_was_tried(
    shop: Cloud, output: Output, email_status: str, status: str
) -> None:
    assert_left_alone(shop, output, email_status, status=status)


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
