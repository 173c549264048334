"""RejectOrder: closes an order that is out of stock, and none that is anything else by now."""

import json

import pytest

from functions.shared.errors import OrderAlreadyConfirmed, OrderAlreadyFailed, OrderClosed
from functions.update_order.handler import reject_order, update_order
from tests.functions.builders import run
from tests.functions.cloud import Cloud
from tests.functions.conftest import Output

SHORT = {"Error": "OutOfStock", "Cause": json.dumps({"errorMessage": "item001: 2 wanted, 1 available"})}
REASON = "OutOfStock: item001: 2 wanted, 1 available"


def test_an_open_order_is_rejected_with_its_reason(cloud: Cloud, output: Output) -> None:
    run(update_order, attempt=2)
    run(reject_order, attempt=2, error=SHORT)
    row = cloud.order()
    assert row is not None
    assert (row["status"], row["attempt"], row["status_reason"]) == ("REJECTED", 2, REASON)
    assert output.counted == {"OrdersRejected": 1}


def test_rejecting_twice_is_rejecting_once(cloud: Cloud, output: Output) -> None:
    run(update_order)
    run(reject_order, error=SHORT)
    rejected = cloud.order()
    run(reject_order, error=SHORT)
    assert cloud.order() == rejected
    assert output.counted == {"OrdersRejected": 1}


@pytest.mark.parametrize(
    ("status", "attempt", "error"),
    [
        (None, None, OrderAlreadyFailed),
        ("PROCESSING", 1, OrderAlreadyFailed),
        ("PROCESSING", 3, OrderAlreadyFailed),
        ("FAILED", 1, OrderAlreadyFailed),
        ("FAILED", 2, OrderAlreadyFailed),
        ("FAILED", 3, OrderAlreadyFailed),
        ("CONFIRMED", 1, OrderAlreadyConfirmed),
        ("CONFIRMED", 2, OrderAlreadyConfirmed),
        ("CONFIRMED", 3, OrderAlreadyConfirmed),
        ("REJECTED", 1, OrderClosed),
        ("REJECTED", 3, OrderClosed),
        ("CANCELLED", None, OrderClosed),
        ("CANCELLED", 2, OrderClosed),
    ],
)
def test_an_order_that_is_not_open_for_this_attempt_stays_as_it_is(
    cloud: Cloud, output: Output, status: str | None, attempt: int | None, error: type[Exception]
) -> None:
    cloud.put_order(status, attempt)
    before = cloud.order()
    with pytest.raises(error):
        run(reject_order, attempt=2, error=SHORT)
    assert cloud.order() == before
    assert output.counted == {}


def test_an_order_without_a_row_is_not_rejected_into_being(cloud: Cloud) -> None:
    with pytest.raises(OrderAlreadyFailed, match=r"^order '12345' has no row$"):
        run(reject_order, error=SHORT)
    assert cloud.order() is None


def test_a_long_reason_is_cut_so_that_the_row_stays_cheap(cloud: Cloud) -> None:
    run(update_order)
    run(reject_order, error={"Error": "OutOfStock", "Cause": json.dumps({"errorMessage": "x" * 32_000})})
    row = cloud.order()
    assert row is not None
    assert len(row["status_reason"]) == 500
