"""ReserveInventory: stock is taken if and only if the order becomes CONFIRMED."""

import pytest
from botocore.exceptions import ReadTimeoutError

from functions.reserve_inventory.handler import release_inventory, reserve_inventory
from functions.shared.errors import OrderAlreadyConfirmed, OrderAlreadyFailed, OrderClosed, OutOfStock, TransientError
from functions.shared.row import LONGEST_REASON
from functions.update_order.handler import reject_order, update_order
from tests.functions.builders import ORDER, run
from tests.functions.cloud import Cloud, order_of
from tests.functions.conftest import Output
from tests.functions.wire import Wire, answer_lost, answers, cancelled, meanwhile

CONFLICT = "TransactionConflict"


@pytest.fixture
def shop(cloud: Cloud) -> Cloud:
    """Stock for `ORDER`, which wants 2 and 1, and more."""
    cloud.put_stock(item001=10, item002=5)
    return cloud


def test_an_open_order_is_confirmed_and_its_stock_taken(shop: Cloud, output: Output) -> None:
    run(update_order)
    run(reserve_inventory)
    assert shop.status() == ("CONFIRMED", 1)
    assert shop.available("item001", "item002") == (8, 4)
    assert output.counted == {"OrdersConfirmed": 1}


def test_the_last_piece_can_be_had(cloud: Cloud) -> None:
    cloud.put_stock(item001=2, item002=1)
    run(update_order)
    run(reserve_inventory)
    assert cloud.available("item001", "item002") == (0, 0)


def test_reserving_twice_takes_once(shop: Cloud, output: Output) -> None:
    run(update_order)
    run(reserve_inventory)
    run(reserve_inventory)
    assert shop.status() == ("CONFIRMED", 1)
    assert shop.available("item001", "item002") == (8, 4)
    assert output.counted == {"OrdersConfirmed": 1}


def test_an_answer_that_was_lost_takes_once(shop: Cloud, wire: Wire) -> None:
    wire.fault("TransactWriteItems", answer_lost(ReadTimeoutError), times=1)
    run(update_order)
    run(reserve_inventory)
    assert shop.status() == ("CONFIRMED", 1)
    assert shop.available("item001", "item002") == (8, 4)
    first, second = wire.of("TransactWriteItems")
    assert first["ClientRequestToken"] == second["ClientRequestToken"], "DynamoDB knows the second by it"


def test_an_outage_that_outlives_the_call_takes_once_when_the_step_runs_again(shop: Cloud, wire: Wire) -> None:
    wire.fault("TransactWriteItems", answer_lost(ReadTimeoutError), times=1)
    wire.fault("TransactWriteItems", answers("InternalServerError", 500), times=2)
    run(update_order)
    with pytest.raises(TransientError):
        run(reserve_inventory)
    run(reserve_inventory)
    assert shop.status() == ("CONFIRMED", 1)
    assert shop.available("item001", "item002") == (8, 4)


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
        ("CONFIRMED", 3, OrderAlreadyConfirmed),
        ("REJECTED", 1, OrderClosed),
        ("REJECTED", 2, OrderClosed),
        ("REJECTED", 3, OrderClosed),
        ("CANCELLED", None, OrderClosed),
        ("CANCELLED", 2, OrderClosed),
    ],
)
def test_an_order_that_is_not_open_for_this_attempt_takes_no_stock(
    shop: Cloud, output: Output, status: str | None, attempt: int | None, error: type[Exception]
) -> None:
    shop.put_order(status, attempt)
    before = shop.order()
    with pytest.raises(error):
        run(reserve_inventory, attempt=2)
    assert shop.order() == before
    assert shop.available("item001", "item002") == (10, 5)
    assert output.counted == {}


def test_an_order_without_a_row_takes_no_stock(shop: Cloud) -> None:
    with pytest.raises(OrderAlreadyFailed, match=r"^order '12345' has no row$"):
        run(reserve_inventory)
    assert shop.order() is None
    assert shop.available("item001", "item002") == (10, 5)


def test_too_few_pieces_of_one_item_take_none_of_any(cloud: Cloud, output: Output) -> None:
    cloud.put_stock(item001=10, item002=0)
    run(update_order)
    with pytest.raises(OutOfStock, match=r"^item002: 1 wanted, 0 available$"):
        run(reserve_inventory)
    assert cloud.status() == ("PROCESSING", 1)
    assert cloud.available("item001", "item002") == (10, 0)
    assert output.counted == {}


def test_an_unknown_item_is_out_of_stock_and_not_made_known(cloud: Cloud) -> None:
    cloud.put_stock(item001=10)
    run(update_order)
    with pytest.raises(OutOfStock, match=r"^item002: 1 wanted, unknown item$"):
        run(reserve_inventory)
    assert cloud.available("item001", "item002") == (10, None)


def test_every_item_that_is_short_is_said(cloud: Cloud) -> None:
    cloud.put_stock(a=1, b=7, d=3)
    order = order_of(("a", 2), ("b", 7), ("c", 1), ("d", 4))
    run(update_order, order)
    with pytest.raises(OutOfStock) as refusal:
        run(reserve_inventory, order)
    assert str(refusal.value) == "a: 2 wanted, 1 available; c: 1 wanted, unknown item; d: 4 wanted, 3 available"
    assert cloud.available("a", "b", "d") == (1, 7, 3)


@pytest.mark.usefixtures("cloud")
def test_of_many_shortages_as_many_are_said_as_the_rows_reason_holds() -> None:
    said = [f"{number:02}{'x' * 150}: 1 wanted, unknown item" for number in range(99)]
    assert len("; ".join(said[:2])) < LONGEST_REASON < len("; ".join(said[:3]))
    order = order_of(*((shortage.partition(":")[0], 1) for shortage in said))
    run(update_order, order)
    with pytest.raises(OutOfStock) as refusal:
        run(reserve_inventory, order)
    assert str(refusal.value) == f"{said[0]}; {said[1]}; and 97 more"


@pytest.mark.usefixtures("cloud")
def test_shortages_that_just_fit_are_all_said() -> None:
    said = [f"{number}{'x' * 224}: 1 wanted, unknown item" for number in range(2)]
    assert len("; ".join(said)) == LONGEST_REASON
    order = order_of(*((shortage.partition(":")[0], 1) for shortage in said))
    run(update_order, order)
    with pytest.raises(OutOfStock) as refusal:
        run(reserve_inventory, order)
    assert str(refusal.value) == "; ".join(said)


@pytest.mark.usefixtures("cloud")
def test_one_item_with_an_id_beyond_the_contract_is_said_in_no_more_than_the_rows_reason() -> None:
    order = order_of(("x" * 2000, 1), ("y" * 2000, 1))
    run(update_order, order)
    with pytest.raises(OutOfStock) as refusal:
        run(reserve_inventory, order)
    assert str(refusal.value) == "x" * LONGEST_REASON


def test_an_item_known_without_a_count_is_an_unknown_one(cloud: Cloud) -> None:
    cloud.put_stock(item001=10)
    cloud.put_stock_row("item002", None)
    run(update_order)
    with pytest.raises(OutOfStock, match=r"^item002: 1 wanted, unknown item$"):
        run(reserve_inventory)


def test_a_count_that_is_a_text_is_a_fault_and_not_out_of_stock(cloud: Cloud, wire: Wire) -> None:
    """DynamoDB finds a text not `>=` a number and hands the row back as if it were short; moto would not compare."""
    row = {"item_id": {"S": "item002"}, "available": {"S": "many"}}
    wire.fault("TransactWriteItems", cancelled("None", "None", {"Code": "ConditionalCheckFailed", "Item": row}))
    run(update_order)
    with pytest.raises(Exception, match=r".+") as fault:
        run(reserve_inventory)
    assert type(fault.value).__name__ not in ("OutOfStock", "TransientError")
    assert not isinstance(fault.value, KeyError), "a KeyError says nothing about the row"
    assert cloud.status() == ("PROCESSING", 1)


def test_99_items_are_taken_together(cloud: Cloud) -> None:
    items = [f"item{n:03}" for n in range(99)]
    cloud.put_stock(**dict.fromkeys(items, 3))
    order = order_of(*((item, 2) for item in items))
    run(update_order, order)
    run(reserve_inventory, order)
    assert cloud.status() == ("CONFIRMED", 1)
    assert set(cloud.available(*items)) == {1}


def test_a_late_reservation_after_release_takes_no_stock(shop: Cloud) -> None:
    run(update_order)
    run(release_inventory)
    with pytest.raises(OrderAlreadyFailed):
        run(reserve_inventory)
    assert shop.status() == ("FAILED", 1)
    assert shop.available("item001", "item002") == (10, 5)


def test_a_late_reservation_after_its_own_stock_was_given_back_takes_none(shop: Cloud) -> None:
    run(update_order)
    run(reserve_inventory)
    run(release_inventory)
    with pytest.raises(OrderAlreadyFailed):
        run(reserve_inventory)
    assert shop.available("item001", "item002") == (10, 5)


def test_a_late_reservation_of_the_attempt_before_takes_no_stock(shop: Cloud) -> None:
    run(update_order, attempt=1)
    run(release_inventory, attempt=1)
    run(update_order, attempt=2)
    with pytest.raises(OrderAlreadyFailed):
        run(reserve_inventory, attempt=1)
    assert shop.available("item001", "item002") == (10, 5)
    run(reserve_inventory, attempt=2)
    assert shop.status() == ("CONFIRMED", 2)
    assert shop.available("item001", "item002") == (8, 4)


def test_a_late_reservation_after_rejection_takes_no_stock(cloud: Cloud) -> None:
    run(update_order)
    run(reject_order)
    cloud.put_stock(item001=10, item002=5)
    with pytest.raises(OrderClosed):
        run(reserve_inventory)
    assert cloud.available("item001", "item002") == (10, 5)


def test_an_order_cancelled_in_the_last_moment_takes_no_stock(shop: Cloud, wire: Wire) -> None:
    run(update_order)
    wire.fault("TransactWriteItems", meanwhile(lambda: shop.put_order("CANCELLED", 1)))
    with pytest.raises(OrderClosed):
        run(reserve_inventory)
    assert shop.available("item001", "item002") == (10, 5)


@pytest.mark.parametrize("code", [CONFLICT, "ThrottlingError", "ProvisionedThroughputExceeded"])
@pytest.mark.parametrize("place", ["order", "stock", "stock beside a shortage"])
def test_other_writes_in_the_way_are_worth_another_try(cloud: Cloud, wire: Wire, code: str, place: str) -> None:
    """A shortage beside a conflict may be that conflict's doing."""
    reasons = {
        "order": (code, "None", "None"),
        "stock": ("None", "None", code),
        "stock beside a shortage": ("None", "ConditionalCheckFailed", code),
    }[place]
    wire.fault("TransactWriteItems", cancelled(*reasons))
    run(update_order)
    with pytest.raises(TransientError, match=r"^ReserveInventory: other writes were in the way$"):
        run(reserve_inventory)
    assert cloud.status() == ("PROCESSING", 1)


@pytest.mark.parametrize("code", ["ValidationError", "ItemCollectionSizeLimitExceeded"])
def test_a_malformed_stock_row_is_a_fault_and_not_out_of_stock(shop: Cloud, wire: Wire, code: str) -> None:
    wire.fault("TransactWriteItems", cancelled("None", "None", code))
    run(update_order)
    with pytest.raises(Exception, match="the transaction was cancelled") as fault:
        run(reserve_inventory)
    assert type(fault.value).__name__ == "TransactionCancelled"
    assert shop.status() == ("PROCESSING", 1)


def test_a_transaction_takes_two_write_units_an_action_and_one_action_a_row(shop: Cloud, wire: Wire) -> None:
    run(update_order)
    run(reserve_inventory)
    (transaction,) = wire.of("TransactWriteItems")
    assert len(transaction["TransactItems"]) == 1 + len(ORDER.lines)
    assert shop.status() == ("CONFIRMED", 1)
