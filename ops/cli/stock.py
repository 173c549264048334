"""`orders stock`: what is there, and the movements that brought it there."""

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer

from ops import rules
from ops.cli import screen
from ops.cli.options import JsonOption, with_stack
from ops.errors import BadInput, Refused
from ops.stack import Stack
from ops.stock import Movement, Stock
from ops.terminal import working

app = typer.Typer(help="Stock, and the movements that account for it.", no_args_is_help=True)

_COLUMNS: Final = ["item_id", "available"]
_LATEST: Final = 20  # movements of an item that are shown; --json has all

ItemArgument = Annotated[str, typer.Argument(metavar="ITEM", help="The item's id.", show_default=False)]
ReasonOption = Annotated[str, typer.Option("--reason", "-r", help="Why; it stays with the movement.")]


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
        return screen.show_json({"items": found})
    rows = [(item.item_id, item.available, item.movements or "none") for item in found]
    return screen.table(
        {"item": "left", "available": "right", "movements": "right"}, rows, empty="there is no stock yet"
    )


def _show_items(stock: Stock, items: list[str], *, json: bool) -> None:
    found = [(stock.item(name), stock.movements(name)) for name in items]
    if unknown := [name for name, (item, _) in zip(items, found, strict=True) if item is None]:
        raise Refused(f"unknown: {', '.join(unknown)}")
    known = [(item, movements) for item, movements in found if item]
    if json:
        return screen.show_json({"items": [{**asdict(item), "history": movements} for item, movements in known]})
    for item, movements in known:
        screen.say(f"{item.item_id}: {item.available} available")
        rows = [_row(movement) for movement in movements[-_LATEST:]]
        columns = {"#": "right", "change": "right", "when (UTC)": "left", "by": "left", "why": "left"}
        screen.table(columns, rows, empty="no movement accounts for it; the next one will write its opening balance")
    return None


@app.command("add", context_settings={"ignore_unknown_options": True})
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
    _say_moved(stock, stock.add(item, change, rules.reason(reason)))


@app.command("set", context_settings={"ignore_unknown_options": True})
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
    moved = stock.set(item, count, rules.reason(reason))
    if moved is None:
        screen.say(f"{item}: {count} available already; nothing to correct")
    else:
        _say_moved(stock, moved)


@app.command("reconcile")
@with_stack
def reconcile(
    stack: Stack,
    item: ItemArgument,
    reason: Annotated[str, typer.Option("--reason", "-r", help="What was found out; it stays with the movement.")],
) -> None:
    """Account for a difference that `orders check` found, once it is known why; what is available stays."""
    rules.item_id("ITEM", item)
    moved = Stock.of(stack).reconcile(item, rules.reason(reason))
    if moved is None:
        screen.say(f"{item}: its movements add up already")
    else:
        screen.say(f"{item}: a movement accounts for {moved.change:+} now; what is available is as it was")


@app.command("import")
@with_stack
def import_(
    stack: Stack,
    file: Annotated[
        Path, typer.Argument(metavar="FILE.csv", help="Columns item_id,available.", exists=True, dir_okay=False)
    ],
    reason: ReasonOption = "",
) -> None:
    """Set how many pieces of each item in a CSV file are available; run again, it goes on where it was cut off.

    The whole file is checked before anything is written.
    """
    counts = dict(_read(file))
    stock, why = Stock.of(stack), rules.reason(reason or f"import of {file.name}")
    moved = 0
    with working(screen.err, f"importing {len(counts)} items") as tell:
        for done, (item, available) in enumerate(counts.items(), start=1):
            moved += stock.set(item, available, why) is not None
            tell(f"importing: {done} of {len(counts)} items")
    screen.say(f"{len(counts)} items: {moved} changed, {len(counts) - moved} as they were")


def _read(file: Path) -> Iterator[tuple[str, int]]:
    """Read the file whole; all that is wrong with it stands in one `BadInput`."""
    try:
        rows = list(csv.reader(file.read_text(encoding="utf-8-sig").splitlines()))
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{file}: must be a CSV file in UTF-8: {error}") from error
    if not rows or [name.strip() for name in rows[0]] != _COLUMNS:
        raise BadInput(f"{file}: its first line must be {','.join(_COLUMNS)}")
    counts, wrong = list[tuple[str, int]](), list[str]()
    for line, row in enumerate(rows[1:], start=2):
        try:
            counts += _count(row)
        except BadInput as error:
            wrong.append(f"line {line}: {error}")
    wrong += [
        f"{item}: stands there more than once" for item, times in Counter(i for i, _ in counts).items() if times > 1
    ]
    if wrong:
        raise BadInput(f"{file}: nothing was written\n" + "\n".join(f"  {line}" for line in wrong))
    yield from counts


def _count(row: list[str]) -> list[tuple[str, int]]:
    if not any(cell.strip() for cell in row):
        return []  # an empty line
    if len(row) != len(_COLUMNS):
        raise BadInput(f"must have {len(_COLUMNS)} columns, not {len(row)}")
    return [(rules.item_id("item_id", row[0].strip()), rules.whole_number("available", row[1].strip(), least=0))]


def _say_moved(stock: Stock, movement: Movement) -> None:
    item = stock.item(movement.item_id)
    screen.say(f"{movement.item_id}: {movement.change:+}, {item.available if item else 0} available now")


def _row(movement: Movement) -> tuple[object, ...]:
    return movement.number, f"{movement.change:+}", movement.moved_at, movement.moved_by, movement.reason
