"""Stock moves only with a movement that says by how much, when, by whom and why; and the two always add up."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.shared.errors import TransientError
from ops.books.check import Tables, check_books
from ops.errors import Refused
from ops.stack import Stack
from ops.stock.movements import OPENING, Stock, StockItem
from ops.tables.attributes import Problem
from tests.ops.moto_stack import moto_stack, put, rows

ME = "arn:aws:sts::123456789012:assumed-role/operators/me"


@pytest.fixture
def stack() -> Iterator[Stack]:
    with moto_stack(tables=True) as made:
        yield made


@pytest.fixture
def stock(stack: Stack) -> Stock:
    return stock_of(stack, stack.client("dynamodb"))


def stock_of(stack: Stack, dynamodb: Any) -> Stock:
    return Stock(
        dynamodb,
        orders=stack["OrdersTableName"],
        inventory=stack["InventoryTableName"],
        movements=stack["StockMovementsTableName"],
        moved_by=ME,
    )


def put_order(stack: Stack, order_id: str, status: str, **items: int) -> None:
    lines = [{"M": {"item_id": {"S": item}, "quantity": {"N": str(quantity)}}} for item, quantity in items.items()]
    put(stack, "OrdersTableName", order_id={"S": order_id}, status={"S": status}, items={"L": lines})


def put_loose(stack: Stack, item_id: str, available: int) -> None:
    """Put stock without a movement, as one does by hand."""
    put(stack, "InventoryTableName", item_id={"S": item_id}, available={"N": str(available)})


def changes(stock: Stock, item_id: str) -> list[int]:
    found = stock.movements(item_id)
    assert [movement.number for movement in found] == list(range(1, len(found) + 1))
    return [movement.change for movement in found if movement.change is not None]


class Meanwhile:
    """DynamoDB on which something else happens right before each of the first `times` transactions."""

    def __init__(self, dynamodb: Any, happens: Callable[[], object], times: int) -> None:
        self._dynamodb, self._happens, self._times = dynamodb, happens, times

    def __getattr__(self, name: str) -> Any:
        if name == "transact_write_items" and self._times:
            self._times -= 1
            self._happens()
        return getattr(self._dynamodb, name)


def test_a_new_item_begins_with_its_first_movement(stock: Stock) -> None:
    before = datetime.now(UTC)
    stock.add("tea", 10, "first delivery")

    assert stock.item("tea") == StockItem("tea", available=10, movements=1)
    (movement,) = stock.movements("tea")
    assert (movement.number, movement.change, movement.moved_by, movement.reason) == (1, 10, ME, "first delivery")
    assert movement.moved_at is not None
    assert abs((movement.moved_at - before).total_seconds()) < 60


def test_each_change_adds_a_movement_and_they_add_up(stock: Stock) -> None:
    stock.add("tea", 10, "delivery")
    stock.add("tea", -3, "broken")
    stock.set("tea", 9, "counted")
    assert changes(stock, "tea") == [10, -3, 2]
    assert stock.item("tea") == StockItem("tea", 9, 3)


def test_no_more_is_taken_away_than_there_is(stock: Stock) -> None:
    stock.add("tea", 2, "delivery")
    with pytest.raises(Refused, match="tea: 3 cannot be taken away, 2 are available"):
        stock.add("tea", -3, "broken")
    with pytest.raises(Refused, match="cup: 1 cannot be taken away, 0 are available"):
        stock.add("cup", -1, "broken")
    assert (changes(stock, "tea"), stock.item("cup")) == ([2], None)


def test_a_count_that_is_right_already_moves_nothing(stock: Stock) -> None:
    stock.set("tea", 5, "counted")
    assert stock.set("tea", 5, "counted again") is None
    assert changes(stock, "tea") == [5]


def test_a_new_item_may_be_counted_as_none(stock: Stock) -> None:
    stock.set("tea", 0, "announced")
    assert (stock.item("tea"), changes(stock, "tea")) == (StockItem("tea", 0, 1), [0])


def test_stock_put_there_by_hand_gets_an_opening_balance_with_what_orders_hold(stack: Stack, stock: Stock) -> None:
    put_loose(stack, "tea", 4)
    put_order(stack, "a", "CONFIRMED", tea=2, cup=9)
    put_order(stack, "b", "CONFIRMED", tea=1)
    put_order(stack, "c", "REJECTED", tea=99)

    stock.add("tea", 10, "delivery")

    assert changes(stock, "tea") == [7, 10]  # Σ = 14 available + 3 held
    assert stock.movements("tea")[0].reason == OPENING
    assert stock.item("tea") == StockItem("tea", 14, 2)


def test_counting_stock_put_there_by_hand_as_it_is_leaves_its_opening_balance(stack: Stack, stock: Stock) -> None:
    put_loose(stack, "tea", 4)
    assert stock.set("tea", 4, "counted") is None
    assert changes(stock, "tea") == [4]


def test_an_order_that_comes_between_reading_and_writing_is_not_undone(stack: Stack, stock: Stock) -> None:
    stock.add("tea", 10, "delivery")

    def order() -> None:
        stack.client("dynamodb").update_item(
            TableName=stack["InventoryTableName"],
            Key={"item_id": {"S": "tea"}},
            UpdateExpression="ADD available :n",
            ExpressionAttributeValues={":n": {"N": "-4"}},
        )

    stock_of(stack, Meanwhile(stack.client("dynamodb"), order, times=1)).set("tea", 8, "counted")

    assert stock.item("tea") == StockItem("tea", 8, 2)
    assert changes(stock, "tea") == [10, 2]  # from the 6 that the order left, not from the 10 that were read


def test_two_who_move_an_item_at_once_leave_two_movements(stack: Stack, stock: Stock) -> None:
    stock.add("tea", 10, "delivery")
    slow = stock_of(stack, Meanwhile(stack.client("dynamodb"), lambda: stock.add("tea", 1, "quick"), times=3))
    slow.add("tea", 5, "slow")
    assert (changes(stock, "tea"), stock.item("tea")) == ([10, 1, 1, 1, 5], StockItem("tea", 18, 5))


def test_an_item_that_keeps_moving_is_left_alone(stack: Stack, stock: Stock) -> None:
    stock.add("tea", 10, "delivery")
    slow = stock_of(stack, Meanwhile(stack.client("dynamodb"), lambda: stock.add("tea", 1, "quick"), times=99))
    with pytest.raises(Refused, match="tea: it changed each of the 10 times it was tried; nothing was changed"):
        slow.set("tea", 50, "counted")
    assert changes(stock, "tea") == [10] + [1] * 10


def test_items_are_listed_by_their_ids_whatever_their_rows_hold(stack: Stack, stock: Stock) -> None:
    stock.add("tea", 1, "delivery")
    put_loose(stack, "cup", 2)
    put(stack, "InventoryTableName", item_id={"S": "bare"})
    put(stack, "InventoryTableName", item_id={"S": "half"}, available={"N": "1.5"}, movements={"S": "2"})
    rule = "must be a whole number"
    assert stock.items() == [
        StockItem("bare", None, 0, (Problem("available", rule),)),
        StockItem("cup", 2, 0),
        StockItem("half", None, None, (Problem("available", rule), Problem("movements", rule))),
        StockItem("tea", 1, 1),
    ]


@pytest.mark.parametrize(("available", "missing"), [(3, -5), (9, 1)])
def test_a_difference_is_accounted_for_and_what_is_available_stays(
    stack: Stack, stock: Stock, available: int, missing: int
) -> None:
    stock.add("tea", 10, "delivery")
    put_order(stack, "a", "CONFIRMED", tea=2)
    put(stack, "InventoryTableName", item_id={"S": "tea"}, available={"N": str(available)}, movements={"N": "1"})

    movement = stock.reconcile("tea", "found out")

    assert movement is not None
    assert (movement.change, movement.reason) == (missing, "found out")
    assert stock.item("tea") == StockItem("tea", available, 2)
    assert sum(changes(stock, "tea")) == available + 2


def test_what_adds_up_needs_no_movement_to_account_for_it(stock: Stock) -> None:
    stock.add("tea", 10, "delivery")
    assert stock.reconcile("tea", "nothing") is None
    assert changes(stock, "tea") == [10]


def test_an_unknown_item_is_not_reconciled(stack: Stack, stock: Stock) -> None:
    with pytest.raises(Refused, match="unknown: tea"):
        stock.reconcile("tea", "nothing")
    assert rows(stack, "StockMovementsTableName") == []


# ---------------------------------------------------------------------------------------------------- odd rows

ODD: list[dict[str, Any] | None] = [
    {"available": {"N": "1.5"}, "movements": {"N": "2"}},
    {"available": {"S": "5"}, "movements": {"N": "2"}},
    {"movements": {"N": "2"}},
    {"available": {"M": {}}, "movements": {"N": "2"}},
    {"available": {"N": "5"}, "movements": {"S": "2"}},
    {"available": {"N": "5"}, "movements": {"N": "1"}},  # behind the newest movement
    {"available": {"N": "5"}},
    None,  # deleted
]


def put_odd(stack: Stack, stock: Stock, odd: dict[str, Any] | None) -> None:
    """Have an item with two movements of ten together, of which an order holds three; then spoil its row."""
    stock.add("tea", 8, "delivery")
    stock.add("tea", 2, "delivery")
    put_order(stack, "a", "CONFIRMED", tea=3)
    stack.client("dynamodb").delete_item(TableName=stack["InventoryTableName"], Key={"item_id": {"S": "tea"}})
    if odd is not None:
        put(stack, "InventoryTableName", item_id={"S": "tea"}, **odd)


def problems_in(stack: Stack) -> list[Any]:
    """Give what `orders check` finds wrong with the stock."""
    return [one.problems for one in check_books(Tables.of(stack), lambda: None).wrong_items]


@pytest.mark.parametrize("odd", ODD, ids=str)
def test_a_count_repairs_an_odd_row_and_the_books_agree(stack: Stack, stock: Stock, odd: dict[str, Any] | None) -> None:
    put_odd(stack, stock, odd)
    assert problems_in(stack) != []

    movement = stock.set("tea", 6, "counted")

    assert movement is not None
    assert (movement.number, movement.change) == (3, -1)  # 6 counted + 3 held - 10 moved
    assert stock.item("tea") == StockItem("tea", 6, 3)
    assert problems_in(stack) == []


@pytest.mark.parametrize("odd", ODD, ids=str)
def test_an_odd_row_is_named_by_whatever_cannot_repair_it_and_stays(
    stack: Stack, stock: Stock, odd: dict[str, Any] | None
) -> None:
    put_odd(stack, stock, odd)
    before = rows(stack, "InventoryTableName")
    for move in (partial(stock.add, "tea", 1, "delivery"), partial(stock.reconcile, "tea", "found out")):
        with pytest.raises(Refused, match=r"^tea: its row is odd: .*; count its pieces, and `orders stock set`"):
            move()
    assert (rows(stack, "InventoryTableName"), changes(stock, "tea")) == (before, [8, 2])


def test_a_movement_that_cannot_be_read_hides_no_other(stack: Stack, stock: Stock) -> None:
    stock.add("tea", 8, "delivery")
    put(stack, "StockMovementsTableName", item_id={"S": "tea"}, number={"N": "1.5"}, change={"S": "2"})
    first, odd = stock.movements("tea")
    assert (first.change, first.reason) == (8, "delivery")
    assert (odd.number, odd.change, odd.moved_at, odd.moved_by, odd.reason) == (None,) * 5


# ---------------------------------------------------------------------------------------------------- reasons


class Cancelling:
    """DynamoDB that cancels the first `times` transactions with these reasons."""

    def __init__(self, dynamodb: Any, times: int, *reasons: dict[str, str]) -> None:
        self._dynamodb, self._times, self._reasons = dynamodb, times, list(reasons)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dynamodb, name)

    def transact_write_items(self, **parameters: Any) -> Any:
        if not self._times:
            return self._dynamodb.transact_write_items(**parameters)
        self._times -= 1
        code = {"Error": {"Code": "TransactionCanceledException", "Message": ""}, "CancellationReasons": self._reasons}
        raise ClientError(code, "TransactWriteItems")  # type: ignore[arg-type]  # as botocore makes it


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []
    monkeypatch.setattr("ops.tables.conditional.time.sleep", slept.append)
    return slept


def test_a_throttled_write_waits_longer_each_time_and_then_is_done(
    stack: Stack, stock: Stock, pauses: list[float]
) -> None:
    throttled = Cancelling(stack.client("dynamodb"), 9, {"Code": "ThrottlingError"}, {"Code": "None"})
    stock_of(stack, throttled).set("tea", 5, "counted")
    assert stock.item("tea") == StockItem("tea", 5, 1)
    assert len(pauses) == 9
    assert pauses[0] < pauses[4] < pauses[8] <= 5


def test_a_write_that_is_throttled_to_the_end_says_so(stack: Stack, stock: Stock, pauses: list[float]) -> None:
    throttled = Cancelling(stack.client("dynamodb"), 99, {"Code": "None"}, {"Code": "ProvisionedThroughputExceeded"})
    with pytest.raises(TransientError, match=r"^tea: .*ProvisionedThroughputExceeded, at each of 10 tries; nothing"):
        stock_of(stack, throttled).add("tea", 5, "delivery")
    assert (stock.item("tea"), len(pauses)) == (None, 9)


def test_what_dynamodb_refuses_is_reported_with_its_own_reason(stack: Stack, pauses: list[float]) -> None:
    reason = {"Code": "ValidationError", "Message": "Number overflow"}
    refusing = Cancelling(stack.client("dynamodb"), 99, reason, {"Code": "None"})
    with pytest.raises(Refused, match="tea: DynamoDB refused it: ValidationError: Number overflow; nothing was"):
        stock_of(stack, refusing).add("tea", 5, "delivery")
    assert pauses == []


def test_many_opening_balances_take_one_reading_of_the_orders(stack: Stack, stock: Stock) -> None:
    for number in range(40):
        put_loose(stack, f"item{number}", number)
    put_order(stack, "a", "CONFIRMED", item1=2, item39=1, other=9)
    calls = Counter[str]()
    counting = Counting(stack.client("dynamodb"), calls)

    stock_of(stack, counting).open([f"item{number}" for number in range(40)])

    assert calls["scan"] == 1
    assert changes(stock, "item1") == [3]
    assert [changes(stock, f"item{number}") for number in (0, 38, 39)] == [[0], [38], [40]]


class Counting:
    """DynamoDB whose readings are counted, each Scan once however many pages it has."""

    def __init__(self, dynamodb: Any, calls: Counter[str]) -> None:
        self._dynamodb, self._calls = dynamodb, calls

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dynamodb, name)

    def get_paginator(self, operation: str) -> Any:
        self._calls[operation] += 1
        return self._dynamodb.get_paginator(operation)
