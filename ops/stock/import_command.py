"""`orders stock import`: the stock set as a CSV file counts it."""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final

import typer

from ops.contract import rules
from ops.contract.kinds import Count
from ops.errors import BadInput
from ops.stack import Stack
from ops.stock.count_file import read_counts
from ops.stock.movements import Stock, StockItem
from ops.terminal import screen
from ops.terminal.options import JsonOption, YesOption, ask_person, with_stack
from ops.terminal.working import show_working

_MOST_PREVIEWED: Final = 40  # items of a file that are shown before they are written; --json has all
_NEW: Final = "new"
_CHANGED: Final = "changed"
_SAME: Final = "as it was"


@dataclass(frozen=True)
class _Import:
    """The effect of an import on an item."""

    item_id: str
    """The item's id"""
    what: Annotated[str, ("enum", (_NEW, _CHANGED, _SAME))]
    """The kind of change"""
    before: int | None
    """How many were available before, when the file was compared with the stock; null of a new item, and where its
    row held no whole number"""
    available: Count
    """How many were counted, and set"""


@dataclass(frozen=True)
class ImportAnswer:
    """The result of an import."""

    items: list[_Import]
    """As they are in the file"""
    new: Count
    """Items of which nothing was known"""
    changed: Count
    """Items that were corrected"""
    as_they_were: Count
    """Items that were right already"""


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
