"""`orders stock`: what is there, and the movements that brought it there."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final

import typer

from ops.errors import BadInput, Refused
from ops.stack import Stack
from ops.stock.count_file import read_counts
from ops.stock.movements import Movement, Stock, StockItem
from ops.tables.attributes import in_words
from ops.terminal import rules, screen
from ops.terminal.answers import Count
from ops.terminal.options import JsonOption, NegativeNumbers, YesOption, ask_person, with_stack
from ops.terminal.working import show_working

app = typer.Typer(help="Stock, and the movements that account for it.", no_args_is_help=True)

_MOST_PREVIEWED: Final = 40  # items of a file that are shown before they are written; --json has all
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
        screen.print_line(f"{item.item_id}: {_format_available(item)} available")
        rows = [_format_movement(movement) for movement in movements[-_LATEST:]]
        columns = {"#": "right", "change": "right", "when (UTC)": "left", "by": "left", "why": "left"}
        screen.print_table(
            columns, rows, empty="no movement accounts for it; the next one will write its opening balance"
        )
    return _note_odd_rows(item for item, _ in known)


def _format_available(item: StockItem) -> int | str:
    return "?" if item.available is None else item.available


def _note_odd_rows(items: Iterable[StockItem]) -> None:
    for item in items:
        if item.problems:
            screen.print_note(
                f"odd row: item {item.item_id}: {in_words(item.problems)};"
                " count its pieces, and `orders stock set` puts it right"
            )


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


@app.command("import")
@with_stack
def import_(
    stack: Stack,
    *,
    file: Annotated[
        Path, typer.Argument(metavar="FILE.csv", help="Columns item_id,available.", exists=True, dir_okay=False)
    ],
    reason: Annotated[
        str | None, typer.Option("--reason", "-r", help="Why; without, the file's name. It stays with the movements.")
    ] = None,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Set how many pieces of each item in a CSV file are available; run again, it goes on where it was cut off.

    The whole file is checked before anything is written: UTF-8, lines item_id,available, the first of them these very
    words. Then you see what is new and what changes, and are asked.
    """
    why = _named_after(file) if reason is None else rules.read_reason(reason)
    counts = read_counts(_read_content(file), str(file))
    stock = Stock.of(stack)
    known = stock.known(counts)
    planned = [_plan_item(item, available, known.get(item)) for item, available in counts.items()]
    if not json:
        _show_preview(planned)
    if any(one.what != _SAME for one in planned):
        ask_person(f"{_in_words(planned)}. Write it?", yes=yes)
    done = _import_items(stock, planned, why)
    if json:
        return screen.show_json(ImportAnswer(done, **_count_items(done)))
    return screen.print_line(_in_words(done))


_NEW: Final = "new"
_CHANGED: Final = "changed"
_SAME: Final = "as it was"


@dataclass(frozen=True)
class _Import:
    """What importing a file does to an item."""

    item_id: str
    """The item's id"""
    what: Annotated[str, ("enum", (_NEW, _CHANGED, _SAME))]
    """What was done"""
    before: int | None
    """How many were available before, when the file was compared with the stock; null of a new item, and where its
    row held no whole number"""
    available: Count
    """How many were counted, and set"""


@dataclass(frozen=True)
class ImportAnswer:
    """What was written."""

    items: list[_Import]
    """As they are in the file"""
    new: Count
    """Items of which nothing was known"""
    changed: Count
    """Items that were corrected"""
    as_they_were: Count
    """Items that were right already"""


def _read_content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise BadInput(f"{file}: {error.strerror}") from error


def _named_after(file: Path) -> str:
    """Make a reason of the file's name, whatever that is: it was not typed, so nobody is blamed for it."""
    shown = "".join(letter if rules.is_printable(letter) else "\ufffd" for letter in f"import of {file.name}")
    return shown if len(shown) <= rules.LONGEST_REASON else shown[: rules.LONGEST_REASON - 1] + "…"


def _plan_item(item_id: str, available: int, known: StockItem | None) -> _Import:
    if known is None:
        return _Import(item_id, _NEW, None, available)
    same = known.available == available and not known.problems
    return _Import(item_id, _SAME if same else _CHANGED, known.available, available)


def _show_preview(planned: list[_Import]) -> None:
    """Show what would be new, which a mistyped id is, and then what would change."""
    moving = sorted((one for one in planned if one.what != _SAME), key=lambda one: one.what != _NEW)
    rows = [(one.what, one.item_id, one.before, one.available) for one in moving[:_MOST_PREVIEWED]]
    columns = {"": "left", "item": "left", "available": "right", "will be": "right"}
    screen.print_table(columns, rows, empty="nothing to change")
    if len(moving) > len(rows):
        screen.print_note(f"and {len(moving) - len(rows)} more that change")


def _import_items(stock: Stock, planned: list[_Import], reason: str) -> list[_Import]:
    """Set the items; what orders moved since the preview is counted as it was found."""
    done = list[_Import]()
    try:
        with show_working(screen.err, f"importing {len(planned)} items") as tell:
            stock.open([one.item_id for one in planned])
            for one in planned:
                moved = stock.set(one.item_id, one.available, reason)
                if moved is None:
                    done.append(replace(one, what=_SAME, before=one.available))
                else:
                    done.append(replace(one, what=_CHANGED if one.what == _SAME else one.what))
                tell(f"importing: {len(done)} of {len(planned)} items")
    finally:
        if len(done) < len(planned):
            screen.print_note(f"{len(done)} of {len(planned)} items are done; run again, it goes on from there")
    return done


def _count_items(items: list[_Import]) -> dict[str, int]:
    counted = Counter(one.what for one in items)
    return {"new": counted[_NEW], "changed": counted[_CHANGED], "as_they_were": counted[_SAME]}


def _in_words(items: list[_Import]) -> str:
    counted = _count_items(items)
    parts = f"{counted['new']} new, {counted['changed']} changed, {counted['as_they_were']} as they were"
    return f"{len(items)} items: {parts}"


def _say_moved(stock: Stock, movement: Movement) -> None:
    item = stock.item(movement.item_id)
    available = item.available if item else 0
    screen.print_line(f"{movement.item_id}: {_format_change(movement.change)}, {available} available now")


def _format_movement(movement: Movement) -> tuple[object, ...]:
    return movement.number, _format_change(movement.change), movement.moved_at, movement.moved_by, movement.reason


def _format_change(change: int | None) -> str | None:
    return None if change is None else f"{change:+}"
