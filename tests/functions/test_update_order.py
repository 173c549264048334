"""UpdateOrder: which orders an attempt may open. The row is as some other step, attempt or operator left it."""

import re

import pytest
from botocore.exceptions import ReadTimeoutError

from functions.shared.errors import OrderAlreadyConfirmed, OrderAlreadyFailed, OrderClosed, TransientError
from functions.update_order.handler import update_order
from tests.functions.builders import CUSTOMER, ORDER, run
from tests.functions.cloud import LONG_AGO, Cloud, as_items, order_of
from tests.functions.conftest import Output
from tests.functions.wire import Wire, answer_lost, answers

CREATED = LONG_AGO.isoformat()


def test_a_new_order_becomes_processing_with_all_it_holds(cloud: Cloud) -> None:
    run(update_order)
    row = cloud.order()
    assert row is not None
    assert row["created_at"] == row["updated_at"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", row.pop("created_at"))
    del row["updated_at"]
    assert row == {
        "order_id": "12345",
        "status": "PROCESSING",
        "attempt": 1,
        "customer_email": CUSTOMER,
        "items": as_items(ORDER.lines),
    }


@pytest.mark.parametrize(
    ("status", "attempt"),
    [(None, None), ("PROCESSING", 1), ("PROCESSING", 2), ("FAILED", 1)],
)
def test_the_second_attempt_opens_what_is_new_or_open_or_failed_before(
    cloud: Cloud, status: str | None, attempt: int | None
) -> None:
    cloud.put_order(status, attempt)
    run(update_order, attempt=2)
    assert cloud.status() == ("PROCESSING", 2)


@pytest.mark.parametrize(
    ("status", "attempt", "error"),
    [
        ("PROCESSING", 3, OrderAlreadyFailed),
        ("FAILED", 2, OrderAlreadyFailed),
        ("FAILED", 3, OrderAlreadyFailed),
        ("FAILED", None, OrderAlreadyFailed),
        ("CONFIRMED", 1, OrderAlreadyConfirmed),
        ("CONFIRMED", 2, OrderAlreadyConfirmed),
        ("CONFIRMED", 3, OrderAlreadyConfirmed),
        ("REJECTED", 1, OrderClosed),
        ("REJECTED", 2, OrderClosed),
        ("REJECTED", 3, OrderClosed),
        ("CANCELLED", None, OrderClosed),
        ("CANCELLED", 1, OrderClosed),
        ("CANCELLED", 2, OrderClosed),
        ("CANCELLED", 3, OrderClosed),
    ],
)
def test_the_second_attempt_leaves_alone_what_is_settled_or_ahead_of_it(
    cloud: Cloud, status: str, attempt: int | None, error: type[Exception]
) -> None:
    cloud.put_order(status, attempt)
    before = cloud.order()
    by = f" by attempt {attempt}" if attempt else ""
    with pytest.raises(error, match=rf"^order '12345' is {status}{by}$"):
        run(update_order, attempt=2)
    assert cloud.order() == before


def test_an_order_that_was_cancelled_before_it_was_placed_is_closed(cloud: Cloud) -> None:
    cloud.put_order("CANCELLED", customer_email=None, items=None)
    with pytest.raises(OrderClosed, match=r"^order '12345' is CANCELLED$"):
        run(update_order)
    assert cloud.status() == ("CANCELLED", None)


def test_a_reopened_order_forgets_why_it_failed_and_keeps_when_it_came(cloud: Cloud) -> None:
    cloud.put_order("FAILED", 1, status_reason="a fault", created_at=CREATED)
    run(update_order, attempt=2)
    row = cloud.order()
    assert row is not None
    assert "status_reason" not in row
    assert row["created_at"] == CREATED
    assert row["updated_at"] > CREATED


def test_a_row_that_was_never_processed_takes_over_the_published_content(cloud: Cloud) -> None:
    cloud.put_order(items=[], customer_email="other@example.com", note="by hand")
    run(update_order)
    row = cloud.order()
    assert row is not None
    assert (row["customer_email"], row["items"], row["note"]) == (CUSTOMER, as_items(ORDER.lines), "by hand")


def test_opening_twice_changes_nothing(cloud: Cloud) -> None:
    run(update_order)
    first = cloud.order()
    run(update_order)
    again = cloud.order()
    assert first is not None
    assert again is not None
    assert again | {"updated_at": None} == first | {"updated_at": None}


def test_an_answer_that_was_lost_opens_the_order_all_the_same(cloud: Cloud, wire: Wire) -> None:
    wire.fault("UpdateItem", answer_lost(ReadTimeoutError), times=1)
    run(update_order)
    assert cloud.status() == ("PROCESSING", 1)


def test_the_late_first_attempt_opens_nothing_after_the_second_has_begun(cloud: Cloud) -> None:
    run(update_order, attempt=2)
    with pytest.raises(OrderAlreadyFailed):
        run(update_order, attempt=1)
    assert cloud.status() == ("PROCESSING", 2)


@pytest.mark.parametrize("order_id", [" ", "a/b", "<b>'\"", "😀" * 256])
def test_any_order_id_is_a_key(cloud: Cloud, order_id: str) -> None:
    run(update_order, type(ORDER)(order_id, CUSTOMER, ORDER.lines))
    row = cloud.order(order_id)
    assert row is not None
    assert row["status"] == "PROCESSING"


def test_an_order_of_99_items_fits_into_its_row(cloud: Cloud) -> None:
    order = order_of(*((f"{n:03}" + "😀" * 253, 1_000_000) for n in range(99)))
    run(update_order, order)
    row = cloud.order()
    assert row is not None
    assert row["items"] == as_items(order.lines)


def test_a_throttled_table_is_transient_and_tried_three_times(cloud: Cloud, wire: Wire, output: Output) -> None:
    wire.fault("UpdateItem", answers("ProvisionedThroughputExceededException"))
    with pytest.raises(TransientError, match=r"^UpdateItem: ProvisionedThroughputExceededException$"):
        run(update_order)
    assert len(wire.of("UpdateItem")) == 3
    assert cloud.order() is None
    assert output.counted == {}
