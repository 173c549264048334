"""`orders stock`: shows the stock with its movements, and changes it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

import typer

from ops.contract import rules
from ops.errors import BadInput, Refused
from ops.shell import quote_command
from ops.stack import Stack
from ops.stock.import_command import import_
from ops.stock.movements import Movement, Stock, StockItem, describe_odd_row
from ops.terminal import screen
from ops.terminal.options import JsonOption, NegativeNumbers, with_stack

app = typer.Typer(help="Stock, and the movements that account for it.", no_args_is_help=True)

_LATEST: Final = 20  # movements of an item that are shown; --json has all

ItemArgument = Annotated[str, typer.Argument(metavar="ITEM", help="The item's id.", show_default=False)]
ReasonOption = Annotated[str, typer.Option("--reason", "-r", help="Why; it stays with the movement.")]


@dataclass(frozen=True, kw_only=True)
class NamedItem(StockItem):
    """An item that was named."""

    history: list[Movement]
    """Its movements, the first first"""


@dataclass(frozen=True)
class StockAnswer:
    """The stock."""

    items: Sequence[StockItem | NamedItem]
    """By their ids, or as they were named"""


@app.command("show")
@with_stack
def show(
    stack: Stack,
    items: Annotated[list[str] | None, typer.Argument(metavar="ITEM", help="Items; without, all.")] = None,
    json: JsonOption = False,
) -> None:
    """Show what is available; of named items, their movements too."""
    stock = Stock.of(stack)
    if items:
        return _show_items(stock, items, json=json)
    found = stock.items()
    if json:
        return screen.show_json(StockAnswer(found))
    rows = [(item.item_id, _format_available(item), item.movements or "none") for item in found]
    columns = {"item": "left", "available": "right", "movements": "right"}
    screen.print_table(columns, rows, empty="there is no stock yet")
    return _note_odd_rows(found)


def _show_items(stock: Stock, items: list[str], *, json: bool) -> None:
    found = [(stock.item(name), stock.movements(name)) for name in items]
    if unknown := [name for name, (item, _) in zip(items, found, strict=True) if item is None]:
        raise Refused(f"unknown: {', '.join(unknown)}")
    known = [(item, movements) for item, movements in found if item]
    if json:
        return screen.show_json(StockAnswer([NamedItem(**vars(item), history=moved) for item, moved in known]))
    for item, movements in known:
        screen.print_line(f"{item.item_id}: {_format_available(item)} available{_describe_held(item, movements)}")
        rows = [_format_movement(movement) for movement in movements[-_LATEST:]]
        columns = {"#": "right", "change": "right", "when (UTC)": "left", "by": "text", "why": "text"}
        screen.print_table(
            columns, rows, empty="no movement accounts for it; the next one will write its opening balance"
        )
    return _note_odd_rows(item for item, _ in known)


def _describe_held(item: StockItem, movements: Sequence[Movement]) -> str:
    """Say where the rest is of what the movements add up to, and how its holders are found: that reads every order."""
    moved = sum(movement.change or 0 for movement in movements)
    if item.available is None or not movements or moved <= item.available:
        return ""
    holders = quote_command("orders list --status CONFIRMED --item", item.item_id)
    return f", and {moved - item.available} more held by CONFIRMED orders, which {holders} lists"


def _format_available(item: StockItem) -> int | str:
    return "?" if item.available is None else item.available


def _note_odd_rows(items: Iterable[StockItem]) -> None:
    for item in items:
        if item.problems:
            screen.print_note(describe_odd_row(item))


@app.command("add", cls=NegativeNumbers)
@with_stack
def add(
    stack: Stack,
    item: ItemArgument,
    pieces: Annotated[
        str, typer.Argument(metavar="PIECES", help="How many came in; -3 takes three away.", show_default=False)
    ],
    reason: ReasonOption = "restock",
) -> None:
    """Add pieces to an item, or take some away."""
    rules.item_id("ITEM", item)
    change = rules.whole_number("PIECES", pieces, least=-rules.MOST_AVAILABLE)
    if not change:
        raise BadInput("PIECES: must not be 0")
    stock = Stock.of(stack)
    _say_moved(stock, stock.add(item, change, rules.read_reason(reason)))


@app.command("set", cls=NegativeNumbers)
@with_stack
def set_(
    stack: Stack,
    item: ItemArgument,
    available: Annotated[
        str, typer.Argument(metavar="AVAILABLE", help="How many can be ordered now.", show_default=False)
    ],
    reason: ReasonOption = "stocktaking",
) -> None:
    """Set how many pieces of an item are available, as counted."""
    rules.item_id("ITEM", item)
    count = rules.whole_number("AVAILABLE", available, least=0)
    stock = Stock.of(stack)
    moved = stock.set(item, count, rules.read_reason(reason))
    if moved is None:
        screen.print_line(f"{item}: {count} available already; nothing to correct")
    else:
        _say_moved(stock, moved)


@app.command("reconcile")
@with_stack
def reconcile(
    stack: Stack,
    item: ItemArgument,
    reason: Annotated[
        str, typer.Option("--reason", "-r", help="The cause that was found; it is kept with the movement.")
    ],
) -> None:
    """Account for a difference that `orders check` found, once it is known why; what is available stays."""
    rules.item_id("ITEM", item)
    moved = Stock.of(stack).reconcile(item, rules.read_reason(reason))
    if moved is None:
        screen.print_line(f"{item}: its movements add up already")
    else:
        screen.print_line(
            f"{item}: a movement accounts for {_format_change(moved.change)} now; what is available is as it was"
        )


app.command("import")(import_)


def _say_moved(stock: Stock, movement: Movement) -> None:
    item = stock.item(movement.item_id)
    available = item.available if item else 0
    screen.print_line(f"{movement.item_id}: {_format_change(movement.change)}, {available} available now")


def _format_movement(movement: Movement) -> tuple[object, ...]:
    return movement.number, _format_change(movement.change), movement.moved_at, movement.moved_by, movement.reason


def _format_change(change: int | None) -> str | None:
    return None if change is None else f"{change:+}"
