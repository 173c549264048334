"""Whether stock and orders agree: every kind of disagreement is named, and orders on their way are none."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest

from functions.shared.order import Line
from ops.books.check import Holder, Report, Tables, WrongItem, WrongOrder, check_books
from ops.stack import Stack
from ops.stock.movements import Movement, StockItem
from ops.tables.order_row import OrderRow
from tests.ops.moto_stack import moto_stack, put


def lines_of(*of: tuple[str, str]) -> dict[str, Any]:
    return {"L": [{"M": {"item_id": {"S": item}, "quantity": {"N": quantity}}} for item, quantity in of]}


def order(
    status: str | None, attempt: int | None = 1, lines: tuple[Line, ...] | None = None, mail: str | None = None
) -> dict[str, Any]:
    """An order's row as DynamoDB returns it, without what is None."""
    texts = {"status": status, "email_status": mail}
    row: dict[str, Any] = {name: {"S": text} for name, text in texts.items() if text is not None}
    row |= {"attempt": {"N": str(attempt)}} if attempt is not None else {}
    row |= {"items": lines_of(*((line.item_id, str(line.quantity)) for line in lines))} if lines else {}
    return row


def stock(available: object, movements: int | None = None) -> dict[str, Any]:
    """An item's row, likewise."""
    row: dict[str, Any] = {} if available is None else {"available": {"N": str(available)}}
    return row | ({} if movements is None else {"movements": {"N": str(movements)}})


@dataclass(frozen=True)
class Snapshot:
    """The rows of the tables at one moment, and what `Tables` reads of them."""

    of_stock: Mapping[str, dict[str, Any]]
    of_orders: Mapping[str, dict[str, Any]]
    of_movements: Mapping[str, Mapping[object, object]]

    def stock(self) -> Iterator[StockItem]:
        return self.stock_of(list(self.of_stock))

    def stock_of(self, item_ids: Collection[str]) -> Iterator[StockItem]:
        known = (item_id for item_id in item_ids if item_id in self.of_stock)
        return (StockItem.from_item({"item_id": {"S": item_id}, **self.of_stock[item_id]}) for item_id in known)

    def orders(self, _tell: object = None) -> Iterator[OrderRow]:
        return self.orders_of(list(self.of_orders))

    def orders_of(self, order_ids: Collection[str]) -> Iterator[OrderRow]:
        known = (order_id for order_id in order_ids if order_id in self.of_orders)
        return (OrderRow.from_item({"order_id": {"S": order_id}, **self.of_orders[order_id]}) for order_id in known)

    def confirmed(self) -> Iterator[OrderRow]:
        return (order for order in self.orders() if order.status == "CONFIRMED")

    def movements(self) -> Iterator[Movement]:
        return self.movements_of(list(self.of_movements))

    def movements_of(self, item_ids: Collection[str]) -> Iterator[Movement]:
        for item_id in item_ids:
            for number, change in self.of_movements.get(item_id, {}).items():
                row = {"item_id": {"S": item_id}, "number": {"N": str(number)}, "change": {"N": str(change)}}
                yield Movement.from_item(row)


class Moments:
    """Tables that are found otherwise after each pause."""

    def __init__(self, *moments: Snapshot) -> None:
        self._moments = list(moments)
        self.pauses = 0

    def pause(self) -> None:
        self.pauses += 1
        del self._moments[0]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._moments[0], name)


SOUND = Snapshot(
    of_stock={"tea": stock(7, 2), "loose": stock(3)},
    of_orders={
        "a": order("CONFIRMED", 1, (Line("tea", 2), Line("loose", 1)), "SENT"),
        "b": order("CONFIRMED", 2, (Line("tea", 1),)),
        "c": order("REJECTED", 1, (Line("tea", 99),)),
        "d": order("FAILED", 1, (Line("tea", 5),)),
        "e": order("PROCESSING", 1, (Line("tea", 4),)),
        "f": order("CANCELLED", 1, (Line("tea", 4),), "REJECTED"),
        "g": order("CANCELLED", None),  # before it came
    },
    of_movements={"tea": {1: 15, 2: -5}},
)


def with_stock(found: Snapshot = SOUND, **items: dict[str, Any]) -> Snapshot:
    return replace(found, of_stock={**found.of_stock, **items})


def with_orders(found: Snapshot = SOUND, **orders: dict[str, Any]) -> Snapshot:
    return replace(found, of_orders={**found.of_orders, **orders})


def with_movements(found: Snapshot = SOUND, **items: dict[object, object]) -> Snapshot:
    return replace(found, of_movements={**found.of_movements, **items})


def at_rest(found: Snapshot) -> Report:
    """Check a system on which nothing moves."""
    return run(found, found)[0]


def the_item(found: Snapshot) -> WrongItem:
    report = at_rest(found)
    (wrong,) = report.wrong_items
    assert (report.wrong_orders, report.moving) == ((), ())
    return wrong


def the_order(found: Snapshot) -> WrongOrder:
    report = at_rest(found)
    (wrong,) = report.wrong_orders
    assert (report.wrong_items, report.moving) == ((), ())
    return wrong


def run(*found: Snapshot) -> tuple[Report, int]:
    """Check a system that is found so, one reading after the other; give the report and how often it paused."""
    tables = Moments(*found)
    return check_books(cast(Tables, tables), tables.pause), tables.pauses


# ---------------------------------------------------------------------------------------------------- one reading


def test_what_adds_up_is_not_named() -> None:
    assert at_rest(SOUND).is_sound


@pytest.mark.parametrize(("available", "difference", "problem"), [(9, 2, "2 too many"), (6, -1, "1 missing")])
def test_an_item_that_does_not_add_up_says_by_how_much(available: int, difference: int, problem: str) -> None:
    wrong = the_item(with_stock(tea=stock(available, 2)))
    assert (wrong.item_id, wrong.problems, wrong.difference) == ("tea", (problem,), difference)
    assert (wrong.expected, wrong.available, wrong.held) == (10, available, 3)


def test_the_orders_of_just_the_difference_are_named_first() -> None:
    assert the_item(with_stock(tea=stock(6, 2))).holders == (Holder("b", 1), Holder("a", 2))
    assert the_item(with_stock(tea=stock(9, 2))).holders == (Holder("a", 2), Holder("b", 1))


def test_an_order_confirmed_without_taking_its_stock_shows_as_too_many() -> None:
    wrong = the_item(with_orders(x=order("CONFIRMED", 1, (Line("tea", 4),))))
    assert (wrong.difference, wrong.holders[0]) == (4, Holder("x", 4))


@pytest.mark.parametrize(
    ("found", "changes", "problem"),
    [
        (stock(7, 3), {1: 15, 3: -5}, "missing: movement 2"),
        (stock(7, 3), {1: 15, 2: -5}, "its row counts 3 movements, the newest one is number 2"),
        (stock(7, None), {1: 15, 2: -5}, "its row counts 0 movements, the newest one is number 2"),
        (stock(7, 2), {0: 5, 1: 10, 2: -5}, "a movement's `number` must be a whole number from 1"),
        (stock(7, 2), {1: 10, 2: None}, "movement 2: `change` must be a whole number"),
        (stock(7, 2), {}, "its row counts 2 movements, the newest one is number 0"),
    ],
)
def test_movements_are_numbered_without_a_gap(
    found: dict[str, Any], changes: dict[object, object], problem: str
) -> None:
    assert problem in the_item(with_movements(with_stock(tea=found), tea=changes)).problems


def test_less_than_nothing_is_never_available() -> None:
    reading = with_movements(with_stock(tea=stock(-1, 2)), tea={1: 15, 2: -13})
    assert the_item(reading).problems == ("-1 available: less than nothing",)


def test_a_stock_row_that_holds_no_whole_number_is_named_once() -> None:
    wrong = the_item(with_stock(loose=stock(None)))
    assert (wrong.item_id, wrong.problems) == ("loose", ("`available` must be a whole number",))


def test_movements_of_an_item_whose_row_is_gone_are_named() -> None:
    wrong = the_item(with_movements(gone={1: 5}))
    assert wrong.problems == ("has movements, and no row in the inventory", "5 missing")


def test_a_confirmed_order_of_an_item_without_a_row_is_named() -> None:
    wrong = the_order(with_orders(x=order("CONFIRMED", 1, (Line("nothing", 4),))))
    assert (wrong.order_id, wrong.problems) == ("x", ("holds nothing, which has no row in the inventory",))


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (order("LOST", 1, (Line("tea", 1),)), "unknown status LOST"),
        (order(None, 1, (Line("tea", 1),)), "has no status"),
        (order("PROCESSING", None, (Line("tea", 1),)), "`attempt` must be a whole number from 1"),
        (order("CONFIRMED", 1, None), "`items` must be a list of item_id and quantity"),
        (order("FAILED", 1, (Line("tea", 1),), "SENT"), "a mail (SENT), though it is FAILED"),
        (order("CANCELLED", 1, (Line("tea", 1),), "UNKNOWN"), "a mail (UNKNOWN), though it is CANCELLED"),
        (order("REJECTED", 1, (Line("tea", 1),), "LOST"), "unknown email_status LOST"),
    ],
)
def test_an_order_that_cannot_be_is_named(found: dict[str, Any], problem: str) -> None:
    assert the_order(with_orders(x=found)).problems == (problem,)


# ---------------------------------------------------------------------------------------------------- a live system


def confirmed(quantity: int) -> dict[str, Any]:
    return order("CONFIRMED", 1, (Line("tea", quantity),))


def test_a_system_that_agrees_is_read_once() -> None:
    report, pauses = run(SOUND)
    assert (report.is_sound, report.readings, pauses) == (True, 1, 0)
    assert (report.items, report.orders, report.not_audited) == (2, 7, ("loose",))


def test_an_order_that_came_between_the_tables_is_no_disagreement() -> None:
    torn = with_orders(x=confirmed(4))  # its row read after, the item's before
    report, pauses = run(torn, with_stock(torn, tea=stock(3, 2)))
    assert (report.is_sound, report.readings, pauses) == (True, 2, 1)


def test_a_movement_that_came_between_the_tables_is_no_disagreement() -> None:
    torn = with_movements(tea={1: 15, 2: -5, 3: 8})
    report, _ = run(torn, with_stock(torn, tea=stock(15, 3)))
    assert report.is_sound


def test_what_disagrees_twice_with_the_same_evidence_is_wrong() -> None:
    wrong = with_stock(tea=stock(5, 2))
    report, _ = run(wrong, wrong)
    assert not report.is_sound
    assert [item.item_id for item in report.wrong_items] == ["tea"]
    assert (report.moving, report.readings) == ((), 2)


def test_what_moved_is_not_judged_before_it_rests() -> None:
    first, then = with_stock(tea=stock(5, 2)), with_stock(tea=stock(4, 2))
    report, _ = run(first, then, then)
    assert ([item.available for item in report.wrong_items], report.readings) == ([4], 3)


def test_the_same_count_with_other_orders_has_moved() -> None:
    first = with_orders(x=confirmed(4))
    then = with_orders(y=confirmed(4))
    report, _ = run(first, then, SOUND)
    assert report.is_sound


def test_what_moves_through_five_readings_is_left_open() -> None:
    report, pauses = run(*(with_stock(tea=stock(20 + n, 2)) for n in range(5)))
    assert (report.is_sound, report.moving, report.wrong_items, pauses) == (False, ("tea",), (), 4)


def test_an_order_whose_item_came_between_the_tables_is_no_disagreement() -> None:
    before = with_orders(x=order("CONFIRMED", 1, (Line("new", 4),)))
    report, _ = run(before, with_movements(with_stock(before, new=stock(6, 1)), new={1: 10}))
    assert report.is_sound


def test_wrong_orders_and_wrong_items_are_found_together() -> None:
    wrong = with_orders(with_stock(tea=stock(5, 2)), x=order("LOST", 1, (Line("tea", 1),)))
    report, _ = run(wrong, wrong)
    assert ([item.item_id for item in report.wrong_items], [order.order_id for order in report.wrong_orders]) == (
        ["tea"],
        ["x"],
    )


# ---------------------------------------------------------------------------------------------------- the tables


@pytest.fixture
def stack() -> Iterator[Stack]:
    with moto_stack(tables=True) as made:
        yield made


def test_the_tables_are_read_as_they_are_however_odd(stack: Stack) -> None:
    put(stack, "InventoryTableName", item_id={"S": "tea"}, available={"N": "7"}, movements={"N": "1"})
    put(stack, "InventoryTableName", item_id={"S": "half"}, available={"N": "0.5"})
    put(stack, "InventoryTableName", item_id={"S": "text"}, available={"S": "7"}, movements={"S": "1"})
    put(stack, "StockMovementsTableName", item_id={"S": "tea"}, number={"N": "1"}, change={"N": "9"})
    put(stack, "StockMovementsTableName", item_id={"S": "text"}, number={"N": "1.5"}, change={"S": "7"})
    whole = {"status": {"S": "CONFIRMED"}, "attempt": {"N": "2"}, "email_status": {"S": "SENT"}}
    put(stack, "OrdersTableName", order_id={"S": "whole"}, **whole, items=lines_of(("tea", "2")))
    put(stack, "OrdersTableName", order_id={"S": "bare"})
    put(
        stack,
        "OrdersTableName",
        order_id={"S": "zero"},
        **whole | {"attempt": {"N": "0"}},
        items=lines_of(("tea", "0")),
    )
    put(stack, "OrdersTableName", order_id={"S": "text"}, **whole, items={"S": "tea"})

    report = check_books(Tables.of(stack), lambda: None)

    assert {one.item_id: one.problems for one in report.wrong_items} == {
        "half": ("`available` must be a whole number",),
        "text": (
            "`available` must be a whole number",
            "`movements` must be a whole number",
            "a movement's `number` must be a whole number from 1",
            "a movement of no number: `change` must be a whole number",
        ),
    }
    assert {one.order_id: one.problems for one in report.wrong_orders} == {
        "bare": (
            "has no status",
            "`attempt` must be a whole number from 1",
            "`items` must be a list of item_id and quantity",
        ),
        "zero": ("`attempt` must be a whole number from 1", "`items` must be a list of item_id and quantity"),
        "text": ("`items` must be a list of item_id and quantity",),
    }
    assert (report.items, report.orders, report.readings) == (3, 4, 2)
