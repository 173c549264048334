"""Whether stock and orders agree: every kind of disagreement is named, and orders on their way are none."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from functions.shared.order import Line
from ops.check import Holder, OrderRow, Reading, Report, StockRow, Tables, WrongItem, WrongOrder, check, judge
from ops.stack import Stack
from tests.ops.moto_stack import moto_stack, put

SOUND = Reading(
    stock={"tea": StockRow(available=7, movements=2), "loose": StockRow(available=3)},
    orders={
        "a": OrderRow("CONFIRMED", 1, (Line("tea", 2), Line("loose", 1)), "SENT"),
        "b": OrderRow("CONFIRMED", 2, (Line("tea", 1),), None),
        "c": OrderRow("REJECTED", 1, (Line("tea", 99),)),
        "d": OrderRow("FAILED", 1, (Line("tea", 5),)),
        "e": OrderRow("PROCESSING", 1, (Line("tea", 4),)),
        "f": OrderRow("CANCELLED", 1, (Line("tea", 4),), "REJECTED"),
        "g": OrderRow("CANCELLED"),  # before it came
    },
    movements={"tea": {1: 15, 2: -5}},
)


def with_stock(reading: Reading = SOUND, **items: StockRow) -> Reading:
    return replace(reading, stock={**reading.stock, **items})


def with_orders(reading: Reading = SOUND, **orders: OrderRow) -> Reading:
    return replace(reading, orders={**reading.orders, **orders})


def with_movements(reading: Reading = SOUND, **items: dict[int, int | None]) -> Reading:
    return replace(reading, movements={**reading.movements, **items})


def the_item(reading: Reading) -> WrongItem:
    (wrong,) = judge(reading)
    assert isinstance(wrong, WrongItem)
    return wrong


def the_order(reading: Reading) -> WrongOrder:
    (wrong,) = judge(reading)
    assert isinstance(wrong, WrongOrder)
    return wrong


def run(*readings: Reading) -> tuple[Report, int]:
    """Check a system that is found so, one reading after the other; give the report and how often it paused."""
    found: Iterator[Reading] = iter(readings)
    pauses: list[None] = []
    return check(lambda: next(found), lambda: pauses.append(None)), len(pauses)


# ---------------------------------------------------------------------------------------------------- one reading


def test_what_adds_up_is_not_named() -> None:
    assert judge(SOUND) == []


@pytest.mark.parametrize(("available", "difference", "problem"), [(9, 2, "2 too many"), (6, -1, "1 missing")])
def test_an_item_that_does_not_add_up_says_by_how_much(available: int, difference: int, problem: str) -> None:
    wrong = the_item(with_stock(tea=StockRow(available, 2)))
    assert (wrong.item_id, wrong.problems, wrong.difference) == ("tea", (problem,), difference)
    assert (wrong.expected, wrong.available, wrong.held) == (10, available, 3)


def test_the_orders_of_just_the_difference_are_named_first() -> None:
    assert the_item(with_stock(tea=StockRow(6, 2))).holders == (Holder("b", 1), Holder("a", 2))
    assert the_item(with_stock(tea=StockRow(9, 2))).holders == (Holder("a", 2), Holder("b", 1))


def test_an_order_confirmed_without_taking_its_stock_shows_as_too_many() -> None:
    wrong = the_item(with_orders(x=OrderRow("CONFIRMED", 1, (Line("tea", 4),))))
    assert (wrong.difference, wrong.holders[0]) == (4, Holder("x", 4))


@pytest.mark.parametrize(
    ("stock", "changes", "problem"),
    [
        (StockRow(7, 3), {1: 15, 3: -5}, "missing: movement 2"),
        (StockRow(7, 3), {1: 15, 2: -5}, "its row counts 3 movements, the newest one is number 2"),
        (StockRow(7, None), {1: 15, 2: -5}, "its row counts 0 movements, the newest one is number 2"),
        (StockRow(7, 2), {0: 5, 1: 10, 2: -5}, "a movement's `number` must be a whole number from 1"),
        (StockRow(7, 2), {1: 10, 2: None}, "movement 2: `change` must be a whole number"),
        (StockRow(7, 2), {}, "its row counts 2 movements, the newest one is number 0"),
    ],
)
def test_movements_are_numbered_without_a_gap(stock: StockRow, changes: dict[int, int | None], problem: str) -> None:
    assert problem in the_item(with_movements(with_stock(tea=stock), tea=changes)).problems


def test_less_than_nothing_is_never_available() -> None:
    reading = with_movements(with_stock(tea=StockRow(-1, 2)), tea={1: 15, 2: -13})
    assert the_item(reading).problems == ("-1 available: less than nothing",)


def test_a_stock_row_that_holds_no_whole_number_is_named_once() -> None:
    wrong = the_item(with_stock(loose=StockRow(None)))
    assert (wrong.item_id, wrong.problems) == ("loose", ("`available` must be a whole number",))


def test_movements_of_an_item_whose_row_is_gone_are_named() -> None:
    wrong = the_item(with_movements(gone={1: 5}))
    assert wrong.problems == ("has movements, and no row in the inventory", "5 missing")


def test_a_confirmed_order_of_an_item_without_a_row_is_named() -> None:
    wrong = the_order(with_orders(x=OrderRow("CONFIRMED", 1, (Line("nothing", 4),))))
    assert (wrong.order_id, wrong.problems) == ("x", ("holds nothing, which has no row in the inventory",))


@pytest.mark.parametrize(
    ("order", "problem"),
    [
        (OrderRow("LOST", 1, (Line("tea", 1),)), "unknown status LOST"),
        (OrderRow(None, 1, (Line("tea", 1),)), "has no status"),
        (OrderRow("PROCESSING", None, (Line("tea", 1),)), "`attempt` must be a whole number from 1"),
        (OrderRow("CONFIRMED", 1, None), "`items` must be a list of item_id and quantity"),
        (OrderRow("FAILED", 1, (Line("tea", 1),), "SENT"), "a mail (SENT), though it is FAILED"),
        (OrderRow("CANCELLED", 1, (Line("tea", 1),), "UNKNOWN"), "a mail (UNKNOWN), though it is CANCELLED"),
        (OrderRow("REJECTED", 1, (Line("tea", 1),), "LOST"), "unknown email_status LOST"),
    ],
)
def test_an_order_that_cannot_be_is_named(order: OrderRow, problem: str) -> None:
    assert the_order(with_orders(x=order)).problems == (problem,)


# ---------------------------------------------------------------------------------------------------- a live system


def confirmed(quantity: int) -> dict[str, OrderRow]:
    return {"x": OrderRow("CONFIRMED", 1, (Line("tea", quantity),))}


def test_a_system_that_agrees_is_read_once() -> None:
    report, pauses = run(SOUND)
    assert (report.is_sound, report.readings, pauses) == (True, 1, 0)
    assert (report.items, report.orders, report.not_audited) == (2, 7, ("loose",))


def test_an_order_that_came_between_the_tables_is_no_disagreement() -> None:
    torn = with_orders(**confirmed(4))  # its row read after, the item's before
    report, pauses = run(torn, with_stock(torn, tea=StockRow(3, 2)))
    assert (report.is_sound, report.readings, pauses) == (True, 2, 1)


def test_a_movement_that_came_between_the_tables_is_no_disagreement() -> None:
    torn = with_movements(tea={1: 15, 2: -5, 3: 8})
    report, _ = run(torn, with_stock(torn, tea=StockRow(15, 3)))
    assert report.is_sound


def test_what_disagrees_twice_with_the_same_evidence_is_wrong() -> None:
    wrong = with_stock(tea=StockRow(5, 2))
    report, _ = run(wrong, wrong)
    assert not report.is_sound
    assert [item.item_id for item in report.wrong_items] == ["tea"]
    assert (report.moving, report.readings) == ((), 2)


def test_what_moved_is_not_judged_before_it_rests() -> None:
    first, then = with_stock(tea=StockRow(5, 2)), with_stock(tea=StockRow(4, 2))
    report, _ = run(first, then, then)
    assert ([item.available for item in report.wrong_items], report.readings) == ([4], 3)


def test_the_same_count_with_other_orders_has_moved() -> None:
    first = with_orders(**confirmed(4))
    then = with_orders(y=OrderRow("CONFIRMED", 1, (Line("tea", 4),)))
    report, _ = run(first, then, SOUND)
    assert report.is_sound


def test_what_moves_through_five_readings_is_left_open() -> None:
    report, pauses = run(*(with_stock(tea=StockRow(20 + n, 2)) for n in range(5)))
    assert (report.is_sound, report.moving, report.wrong_items, pauses) == (False, ("tea",), (), 4)


def test_an_order_whose_item_came_between_the_tables_is_no_disagreement() -> None:
    before = with_orders(x=OrderRow("CONFIRMED", 1, (Line("new", 4),)))
    report, _ = run(before, with_movements(with_stock(before, new=StockRow(6, 1)), new={1: 10}))
    assert report.is_sound


def test_wrong_orders_and_wrong_items_are_found_together() -> None:
    wrong = with_orders(with_stock(tea=StockRow(5, 2)), x=OrderRow("LOST", 1, (Line("tea", 1),)))
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


def lines(*of: tuple[str, str]) -> dict[str, Any]:
    return {"L": [{"M": {"item_id": {"S": item}, "quantity": {"N": quantity}}} for item, quantity in of]}


def test_the_tables_are_read_as_they_are_however_odd(stack: Stack) -> None:
    put(stack, "InventoryTableName", item_id={"S": "tea"}, available={"N": "7"}, movements={"N": "1"})
    put(stack, "InventoryTableName", item_id={"S": "half"}, available={"N": "0.5"})
    put(stack, "InventoryTableName", item_id={"S": "text"}, available={"S": "7"})
    put(stack, "StockMovementsTableName", item_id={"S": "tea"}, number={"N": "1"}, change={"N": "9"})
    whole = {"status": {"S": "CONFIRMED"}, "attempt": {"N": "2"}, "email_status": {"S": "SENT"}}
    put(stack, "OrdersTableName", order_id={"S": "whole"}, **whole, items=lines(("tea", "2")))
    put(stack, "OrdersTableName", order_id={"S": "bare"})
    put(stack, "OrdersTableName", order_id={"S": "zero"}, **whole | {"attempt": {"N": "0"}}, items=lines(("tea", "0")))
    put(stack, "OrdersTableName", order_id={"S": "text"}, **whole, items={"S": "tea"})

    assert Tables.of(stack).read() == Reading(
        stock={"tea": StockRow(7, 1), "half": StockRow(None), "text": StockRow(None)},
        orders={
            "whole": OrderRow("CONFIRMED", 2, (Line("tea", 2),), "SENT"),
            "bare": OrderRow(None),
            "zero": OrderRow("CONFIRMED", None, None, "SENT"),
            "text": OrderRow("CONFIRMED", 2, None, "SENT"),
        },
        movements={"tea": {1: 9}},
    )
