"""How commands print: answers to standard output, as tables or JSON; everything else to standard error.

It is the one way to the terminal: what others wrote is shown in visible characters, a command to paste whole.
"""

import json
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from io import TextIOWrapper
from typing import Any, Final

import typer
from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, JustifyMethod, RenderableType
from rich.measure import Measurement
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from ops.contract.rules import LONGEST_ID
from ops.terminal.working import make_visible

_WIDTH_IN_A_FILE: Final = 120
_LEAST: Final = 20  # columns for a text, however narrow the terminal is
_LEFT: Final[JustifyMethod] = "left"
_RIGHT: Final[JustifyMethod] = "right"
_NO_BREAK: Final = "\u00a0"  # `textwrap` breaks no line at it
_SHOWN: Final = 40  # characters of a text that is too long

out: Final = Console(highlight=False, soft_wrap=False)
err: Final = Console(stderr=True, highlight=False, soft_wrap=True)
if not out.is_terminal:
    out.width = _WIDTH_IN_A_FILE

_ENDLESS: Final = out.options.update(max_width=10_000)

_STYLES: Final = {
    "CONFIRMED": "green", "SUCCEEDED": "green", "SENT": "green", "DELIVERED": "green",
    "PROCESSING": "cyan", "RUNNING": "cyan", "SENDING": "cyan", "PENDING": "cyan",
    "REJECTED": "yellow", "CANCELLED": "yellow", "UNKNOWN": "yellow", "BOUNCED": "yellow", "COMPLAINED": "yellow",
    "FAILED": "red", "TIMED_OUT": "red", "ABORTED": "red",
    "ok": "green", "wrong": "red", "cannot say": "yellow", "not local": "dim",
}  # fmt: skip


def accept_any_text() -> None:
    """Have what standard output and error cannot encode, such as an é in ASCII, written out as in Python's strings."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def is_interactive() -> bool:
    """Whether there is somebody to ask."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def print_complaint(message: str) -> None:
    """Say what went wrong; each line of the message is one."""
    err.print(Text("error: ", style="bold red") + Text("\n").join(map(escape_text, message.split("\n"))))


def print_note(message: str) -> None:
    """Say something beside the answer."""
    err.print(escape_text(message))


def print_line(message: str) -> None:
    """Print a line of the answer."""
    out.print(escape_text(message), soft_wrap=True)


def print_marked(before: str, mark: str, after: str) -> None:
    """Print a line of the answer with a word in its colour."""
    out.print(escape_text(before) + format_cell(mark) + escape_text(after), soft_wrap=True)


def say_lines(text: str, *, indent: str = "") -> None:
    """Print a text that has lines, such as a message's body."""
    for line in text.split("\n"):
        print_line(indent + line)


def print_body(text: str) -> None:
    """Print a message's body, to be kept, at once: into a file as it is, in UTF-8; on a terminal visibly."""
    if sys.stdout.isatty():
        say_lines(text)
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace") + b"\n")
        sys.stdout.buffer.flush()


def confirm_question(question: str) -> bool:
    """Ask a question that is answered by yes or no."""
    err.print(escape_text(question), end="")  # by Typer it would be UTF-8 on an ASCII terminal
    return typer.confirm("", err=True)


def show_json(value: Any) -> None:
    """Print a value as JSON: dataclasses as objects, without what their repr leaves out; times in ISO 8601."""
    sys.stdout.write(json.dumps(value, default=_to_jsonable, indent=2) + "\n")


def as_json(value: Any) -> str:
    """Give a value as one line of JSON, in ASCII: every encoding holds it, and half a surrogate pair stays JSON."""
    return json.dumps(value, default=_to_jsonable)


def show_json_line(value: Any) -> None:
    """Print a value as one line of JSON, at once."""
    sys.stdout.write(as_json(value) + "\n")
    sys.stdout.flush()


def print_table(columns: Mapping[str, str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Print a table.

    Args:
        columns: Its headings, each with how it is set: `left` or `right`, whole on one line, as ids must be to be
            copied; `text` is broken between words where the terminal is narrow.
        rows: The cells.
        empty: What to say if there are no rows.
    """
    shown = as_table(columns, rows)
    if not shown.row_count:
        print_note(empty)
        return
    print_picture(shown)


def as_table(columns: Mapping[str, str], rows: Iterable[Sequence[object]]) -> Table:
    """Make a table, likewise."""
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading, kind in columns.items():
        justify = _RIGHT if kind == "right" else _LEFT
        shown.add_column(escape_text(heading), justify=justify, overflow="fold", no_wrap=kind != "text")
    for row in rows:
        shown.add_row(*(_make_cell(value, kind) for value, kind in zip(row, columns.values(), strict=True)))
    return shown


def _make_cell(value: object, kind: str) -> RenderableType:
    if isinstance(value, Listing):
        return value
    text = format_cell(value)
    return _Cell(text, min(_LEAST, text.cell_len) if kind == "text" else text.cell_len)


@dataclass(frozen=True)
class _Cell:
    """A text, and how wide its column must be at least."""

    text: Text
    least: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        yield self.text

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(self.least, self.text.cell_len)


@dataclass(frozen=True)
class Listing:
    """Parts of a list, such as an order's items: a line is broken between them, and within one only if it must be."""

    parts: Sequence[str]
    remark: str | None = None
    """What stands below them, in a line of its own"""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """Break the lines for the width that there is."""
        whole = [make_visible(part).replace(" ", _NO_BREAK) for part in self.parts]
        lines = textwrap.wrap(", ".join(whole), options.max_width, break_on_hyphens=False)
        yield Text("\n".join(lines).replace(_NO_BREAK, " "))
        if self.remark:
            yield escape_text(self.remark)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """Say that it needs its longest part, and would like to be one line."""
        widths = [cell_len(make_visible(part)) + 1 for part in self.parts]
        remark = cell_len(make_visible(self.remark or ""))
        return Measurement(max(widths, default=0), max(sum(widths) + len(widths), remark))


def print_facts(facts_: Iterable[tuple[str, object]]) -> None:
    """Print what is known of one thing, a line each; what is None is left out."""
    print_picture(as_facts(facts_))


def as_facts(facts_: Iterable[tuple[str, object]]) -> Table:
    """Make a grid of it."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(overflow="fold")
    grid.add_column(overflow="fold")
    for name, value in facts_:
        if value is not None:
            grid.add_row(escape_text(name), value if isinstance(value, Listing) else format_cell(value))
    return grid


def print_picture(picture: Any) -> None:
    """Print a table or the like; in a file without the spaces that fill its lines up.

    Tables fit the width as far as their whole columns let them; a line of its own, such as the next step with its
    command, is not cut there.
    """
    whole = _Whole(picture)
    if out.is_terminal:
        out.print(whole, crop=False)
        return
    with out.capture() as captured:
        out.print(whole, crop=False)
    for line in captured.get().split("\n")[:-1]:
        sys.stdout.write(line.rstrip() + "\n")


@dataclass(frozen=True)
class _Whole:
    """A picture as wide as it needs to be, where the terminal is narrower."""

    picture: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        needed = Measurement.get(console, _ENDLESS, self.picture).minimum
        yield from console.render(self.picture, options.update(width=max(options.max_width, needed)))


def format_cell(value: object) -> Text:
    """Show a value in a table: statuses in their colours, nothing for None."""
    text = escape_text(_format_value(value))
    text.stylize(_STYLES.get(text.plain, ""))
    return text


def escape_text(text: str) -> Text:
    """Show a text that somebody else wrote: no markup, and no character that could drive the terminal."""
    return Text(make_visible(text))


def shorten_text(text: str | None, most: int = LONGEST_ID) -> str | None:
    """Show the start of what nobody has checked, and how long it is, where the whole could fill the screen."""
    return text if text is None or len(text) <= most else f"{text[:_SHOWN]}… ({len(text)} characters)"


def format_age(moment: datetime, now: datetime | None = None) -> str:
    """Say how long ago something was, in its largest unit."""
    passed = (now or datetime.now(UTC)) - moment
    for unit, length in (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("min", timedelta(minutes=1))):
        if passed >= length:
            return f"{passed // length} {unit}"
    return f"{max(0, int(passed.total_seconds()))} s"


def _format_value(value: object) -> str:
    match value:
        case None:
            return ""
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
        case float():
            return f"{value:.2f}"
        case _:
            return str(value)


def _to_jsonable(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value) if field.repr}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    raise TypeError(f"{type(value).__name__} is not for JSON")
