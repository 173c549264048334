"""ReleaseInventory: the compensation. It gives back exactly what was taken, once, and fences what comes late."""

import json
from contextlib import suppress
from itertools import permutations
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from functions.reserve_inventory.handler import release_inventory, reserve_inventory
from functions.send_email.handler import send_confirmation
from functions.shared.errors import OrderAlreadyConfirmed, OrderAlreadyFailed, TransientError
from functions.update_order.handler import reject_order, update_order
from tests.functions.builders import CUSTOMER, ORDER, Handler, run
from tests.functions.cloud import LONG_AGO, Cloud, as_items
from tests.functions.conftest import Output
from tests.functions.wire import Wire, answer_lost, answers, cancelled, meanwhile

CRASH = {"Error": "Lambda.Unknown", "Cause": "The function crashed"}
MAIL_CLAIMED = ["PENDING", "SENDING", "SENT", "REJECTED", "UNKNOWN"]


@pytest.fixture
def shop(cloud: Cloud) -> Cloud:
    """Stock for `ORDER`, which wants 2 and 1, and more."""
    cloud.put_stock(item001=10, item002=5)
    return cloud


@pytest.fixture
def confirmed(shop: Cloud) -> Cloud:
    """`ORDER` is CONFIRMED by its first attempt, and nothing else has happened."""
    run(update_order)
    run(reserve_inventory)
    assert shop.available("item001", "item002") == (8, 4)
    return shop


def test_a_confirmed_order_fails_and_gives_back_exactly_what_it_took(confirmed: Cloud, output: Output) -> None:
    run(release_inventory, error=CRASH)
    row = confirmed.order()
    assert row is not None
    assert (row["status"], row["attempt"], row["status_reason"]) == (
        "FAILED",
        1,
        "Lambda.Unknown: The function crashed",
    )
    assert confirmed.available("item001", "item002") == (10, 5)
    assert output.counted == {"OrdersConfirmed": 1, "OrdersFailed": 1}


def test_releasing_twice_gives_back_once(confirmed: Cloud, output: Output) -> None:
    run(release_inventory)
    run(release_inventory)
    assert confirmed.status() == ("FAILED", 1)
    assert confirmed.available("item001", "item002") == (10, 5)
    assert output.counted["OrdersFailed"] == 1


def test_a_lost_answer_gives_back_once(confirmed: Cloud, wire: Wire) -> None:
    wire.fault("TransactWriteItems", answer_lost(ReadTimeoutError), times=1)
    run(release_inventory)
    assert confirmed.status() == ("FAILED", 1)
    assert confirmed.available("item001", "item002") == (10, 5)


def test_what_is_given_back_is_what_the_row_says_was_taken(confirmed: Cloud) -> None:
    """The row is the ledger; an execution that was started by hand may say anything."""
    run(release_inventory, type(ORDER)(ORDER.order_id, CUSTOMER, (type(ORDER.lines[0])("item001", 1_000),)))
    assert confirmed.available("item001", "item002") == (10, 5)


def test_an_item_taken_out_of_the_shop_meanwhile_comes_back(cloud: Cloud) -> None:
    cloud.put_order("CONFIRMED", 1)
    run(release_inventory)
    assert cloud.available("item001", "item002") == (2, 1)


@pytest.mark.parametrize("email_status", MAIL_CLAIMED)
def test_an_order_whose_mail_was_claimed_is_not_taken_back(confirmed: Cloud, output: Output, email_status: str) -> None:
    confirmed.put_order("CONFIRMED", 1, email_status=email_status, email_claim="somebody")
    before = confirmed.order()
    with pytest.raises(OrderAlreadyConfirmed, match=r"^order '12345' stays CONFIRMED$"):
        run(release_inventory)
    assert confirmed.order() == before
    assert confirmed.available("item001", "item002") == (8, 4)
    assert "OrdersFailed" not in output.counted


@pytest.mark.parametrize(("status", "attempt"), [(None, None), ("PROCESSING", 1), ("PROCESSING", 2), ("FAILED", 1)])
def test_an_order_that_holds_nothing_is_closed_by_the_second_attempt(
    shop: Cloud, output: Output, status: str | None, attempt: int | None
) -> None:
    shop.put_order(status, attempt)
    run(release_inventory, attempt=2)
    assert shop.status() == ("FAILED", 2)
    assert shop.available("item001", "item002") == (10, 5)
    assert output.counted == {"OrdersFailed": 1}


@pytest.mark.parametrize(
    ("status", "attempt"),
    [
        ("PROCESSING", 3),
        ("FAILED", 2),
        ("FAILED", 3),
        ("REJECTED", 1),
        ("REJECTED", 2),
        ("REJECTED", 3),
        ("CANCELLED", None),
        ("CANCELLED", 2),
    ],
)
def test_an_order_that_is_closed_or_ahead_of_the_second_attempt_stays_as_it_is(
    shop: Cloud, output: Output, status: str, attempt: int | None
) -> None:
    shop.put_order(status, attempt)
    before = shop.order()
    run(release_inventory, attempt=2)
    assert shop.order() == before
    assert shop.available("item001", "item002") == (10, 5)
    assert output.counted == {}


@pytest.mark.parametrize("attempt", [1, 3])
def test_what_another_attempt_has_confirmed_is_not_given_back(shop: Cloud, attempt: int) -> None:
    shop.put_order("CONFIRMED", attempt)
    before = shop.order()
    with pytest.raises(OrderAlreadyConfirmed):
        run(release_inventory, attempt=2)
    assert shop.order() == before
    assert shop.available("item001", "item002") == (10, 5)


def test_an_order_that_was_never_written_is_closed_before_it_can_be_opened(shop: Cloud) -> None:
    run(release_inventory, error=CRASH)
    row = shop.order()
    assert row is not None
    assert row["status_reason"] == "Lambda.Unknown: The function crashed"
    assert (row["customer_email"], row["items"]) == (CUSTOMER, as_items(ORDER.lines))
    assert row["created_at"] == row["updated_at"]
    with pytest.raises(OrderAlreadyFailed):
        run(update_order)
    assert shop.status() == ("FAILED", 1)


def test_a_closed_order_keeps_when_it_came(shop: Cloud) -> None:
    shop.put_order("PROCESSING", 1, created_at=LONG_AGO.isoformat())
    run(release_inventory)
    row = shop.order()
    assert row is not None
    assert row["created_at"] == LONG_AGO.isoformat()
    assert row["updated_at"] > row["created_at"]


def test_the_next_attempt_opens_what_a_release_has_closed(shop: Cloud) -> None:
    run(release_inventory)
    run(update_order, attempt=2)
    run(reserve_inventory, attempt=2)
    assert shop.status() == ("CONFIRMED", 2)
    assert shop.available("item001", "item002") == (8, 4)


def test_a_late_release_of_the_attempt_before_takes_nothing_from_the_next(shop: Cloud) -> None:
    run(release_inventory, attempt=1)
    run(update_order, attempt=2)
    run(release_inventory, attempt=1)
    assert shop.status() == ("PROCESSING", 2)
    run(reserve_inventory, attempt=2)
    with pytest.raises(OrderAlreadyConfirmed):
        run(release_inventory, attempt=1)
    assert shop.status() == ("CONFIRMED", 2)
    assert shop.available("item001", "item002") == (8, 4)


@pytest.mark.parametrize(
    "steps",
    sorted(
        set(permutations([update_order, reserve_inventory, reserve_inventory, release_inventory, release_inventory])),
        key=str,
    ),
    ids=lambda steps: "-".join(step.__name__.split("_")[0] for step in steps),
)
def test_in_whatever_order_the_steps_land_stock_is_held_by_confirmed_orders_only(
    shop: Cloud, steps: tuple[Handler, ...]
) -> None:
    for step in steps:
        with suppress(OrderAlreadyFailed, OrderAlreadyConfirmed):
            run(step)
        status = shop.status()
        held = (2, 1) if status and status[0] == "CONFIRMED" else (0, 0)
        assert shop.available("item001", "item002") == (10 - held[0], 5 - held[1])


@pytest.mark.parametrize("code", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
@pytest.mark.parametrize("place", ["order", "stock"])
def test_other_writes_in_the_way_are_worth_another_try(confirmed: Cloud, wire: Wire, code: str, place: str) -> None:
    wire.fault(
        "TransactWriteItems",
        cancelled(*((code, "None", "None") if place == "order" else ("None", "None", code))),
        times=1,
    )
    with pytest.raises(TransientError, match=r"^ReleaseInventory: other writes were in the way$"):
        run(release_inventory)
    assert confirmed.status() == ("CONFIRMED", 1)
    run(release_inventory)
    assert confirmed.status() == ("FAILED", 1)
    assert confirmed.available("item001", "item002") == (10, 5)


def test_a_throttled_table_is_worth_another_try(confirmed: Cloud, wire: Wire) -> None:
    wire.fault("UpdateItem", answers("ThrottlingException"))
    with pytest.raises(TransientError):
        run(release_inventory)
    assert confirmed.status() == ("CONFIRMED", 1)


@pytest.mark.parametrize(
    "changed",
    [{"status": "FAILED", "attempt": 1}, {"status": "CANCELLED", "attempt": 1}],
    ids=["another release", "an operator"],
)
def test_what_somebody_else_gives_back_at_the_same_time_is_not_given_back_twice(
    confirmed: Cloud, wire: Wire, output: Output, changed: dict[str, Any]
) -> None:
    wire.fault("TransactWriteItems", meanwhile(lambda: confirmed.put_order(**changed)))
    run(release_inventory)
    assert confirmed.status() == (changed["status"], 1)
    assert confirmed.available("item001", "item002") == (8, 4), "the other one gives it back"
    assert "OrdersFailed" not in output.counted


def test_a_row_that_is_gone_in_the_last_moment_gives_nothing_back(confirmed: Cloud, wire: Wire) -> None:
    wire.fault("TransactWriteItems", cancelled("ConditionalCheckFailed", "None", "None"))
    run(release_inventory)
    assert confirmed.available("item001", "item002") == (8, 4)


def test_a_mail_claimed_in_the_last_moment_keeps_the_order(confirmed: Cloud, wire: Wire) -> None:
    confirmed.verify_sender()
    wire.fault("TransactWriteItems", meanwhile(lambda: run(send_confirmation)))
    with pytest.raises(OrderAlreadyConfirmed):
        run(release_inventory)
    assert confirmed.status() == ("CONFIRMED", 1)
    assert confirmed.available("item001", "item002") == (8, 4)
    assert len(confirmed.mails()) == 1


def test_a_stock_row_that_cannot_be_added_to_leaves_the_order_confirmed(confirmed: Cloud, wire: Wire) -> None:
    wire.fault("TransactWriteItems", cancelled("None", "ValidationError", "None"))
    with pytest.raises(Exception, match=r".+"):
        run(release_inventory)
    assert confirmed.status() == ("CONFIRMED", 1)


def test_a_rejected_order_stays_rejected(shop: Cloud) -> None:
    run(update_order)
    run(reject_order, error={"Error": "OutOfStock", "Cause": json.dumps({"errorMessage": "none left"})})
    run(release_inventory)
    assert shop.status() == ("REJECTED", 1)
    assert shop.available("item001", "item002") == (10, 5)


def test_a_long_reason_is_cut_so_that_the_row_stays_cheap(confirmed: Cloud) -> None:
    run(release_inventory, error={"Error": "Lambda.Unknown", "Cause": "x" * 32_000})
    row = confirmed.order()
    assert row is not None
    assert len(row["status_reason"]) == 500
