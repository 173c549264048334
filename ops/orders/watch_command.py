"""`orders watch`: orders on the move, as they move."""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, Protocol, TypeVar

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from functions.shared.errors import TransientError
from ops.orders import view as order_view
from ops.orders.next_step import next_step
from ops.orders.watch import Changes, Follower, Look, Progress, Sighting, Watcher
from ops.stack import Stack
from ops.terminal import rules, screen
from ops.terminal.answers import Count
from ops.terminal.options import JsonOption, with_stack

T = TypeVar("T", Look, Progress)
T_contra = TypeVar("T_contra", contravariant=True)

_SHORTEST_PAUSE: Final = 0.2  # seconds between two looks
_SLOWEST: Final = 60.0  # seconds between two looks while AWS throttles or is out of reach
_COLUMNS: Final = {"order": "left", "status": "left", "mail": "left", "now": "left", "time": "right"}


class Display(Protocol[T_contra]):
    """Where looks are shown; each is given to `update`, and what was in the way of one to `complain`."""

    def update(self, seen: T_contra) -> None:
        """Show it."""

    def complain(self, trouble: str) -> None:
        """Say what is in the way."""


@with_stack
def watch(
    stack: Stack,
    order: Annotated[
        str | None,
        typer.Argument(metavar="ORDER", help="Only this one, until it has come to its end.", show_default=False),
    ] = None,
    every: Annotated[str, typer.Option("--every", metavar="SECONDS", help="Between two looks, as in 0.5.")] = "2",
    for_: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="End after so long, as in 30s or 10m.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Watch orders as they move; Ctrl-C ends it. Without a terminal, or with --json, a line for each change.

    With ORDER it ends with the order: exit code 0 if that is CONFIRMED and its mail was sent, else 1.

    It does not read the tables whole. Each order is reported when it starts and when it ends, whatever their number;
    the 20 newest that move are looked at closely. It asks Step Functions for at most half of what AWS allows an
    account, and when AWS throttles, it slows down and goes on. At one look in two seconds it costs about 7 US cents a
    day for SQS, and little for the rest.
    """
    if order is not None:
        rules.order_id("ORDER", order)
    until = time.monotonic() + rules.read_duration("--for", for_).total_seconds() if for_ is not None else None
    pause = rules.read_number("--every", every, least=_SHORTEST_PAUSE, of="seconds")
    if order is None:
        _watch_all(Watcher(stack), pause, until, json=json)
    else:
        _watch_one(Follower(stack, order), pause, until, json=json)


def _watch_all(watcher: Watcher, every: float, until: float | None, *, json: bool) -> None:
    display: Display[Look] = _AllAsLines(json=json) if json or not screen.out.is_terminal else _AllOnScreen()
    try:
        with _show_display(display):
            for seen in _look_repeatedly(watcher.look, every, until, display):
                display.update(seen)
    except KeyboardInterrupt:
        return


def _watch_one(follower: Follower, every: float, until: float | None, *, json: bool) -> None:
    display: Display[Progress] = _OneAsLines(json=json) if json or not screen.out.is_terminal else _OneOnScreen()
    seen: Progress | None = None
    try:
        with _show_display(display):
            for seen in _look_repeatedly(follower.look, every, until, display):
                display.update(seen)
                if seen.has_ended(datetime.now(UTC)):
                    break
            else:
                screen.print_note("it has not come to its end yet")
    except KeyboardInterrupt:
        screen.print_note("it has not come to its end yet")
    if seen and isinstance(display, _OneOnScreen) and (advice := next_step(seen.row, seen.latest)):
        screen.print_line(f"next: {advice}")  # a live picture is cut at the terminal's width, and a command must not be
    if seen is None or not seen.sighting.is_done:
        raise typer.Exit(1)


def _look_repeatedly(look: Callable[[], T], every: float, until: float | None, display: Display[T]) -> Iterator[T]:
    """Look at once and then every so many seconds, until the time is up; less and less often while AWS is in trouble.

    Raises:
        TransientError: not one look succeeded in the time there was.
    """
    pause, has_seen = every, False
    while True:
        began, failure, trouble = time.monotonic(), None, None
        try:
            seen = look()
        except TransientError as error:
            failure, trouble = error, str(error)
        else:
            has_seen, trouble = True, seen.trouble
            yield seen
        pause = max(every, min(2 * pause, _SLOWEST)) if trouble else every
        if trouble:
            display.complain(f"{trouble}; looking again in {pause:.0f} s")
        left = min(began + pause, until if until is not None else math.inf) - time.monotonic()
        if left > 0:
            time.sleep(left)
        if until is not None and time.monotonic() >= until:
            if failure and not has_seen:
                raise failure
            return


def _show_display(display: Display[Any]) -> AbstractContextManager[Any]:
    return display.live if isinstance(display, _AllOnScreen | _OneOnScreen) else nullcontext()


# ---------------------------------------------------------------------------------------------------- on a terminal


class _AllOnScreen:
    """All orders, on a terminal: those that move in a table, and above it, a line each, those that have ended."""

    def __init__(self) -> None:
        self.live = Live(Text("looking …"), console=screen.out, auto_refresh=False)
        self._picture: RenderableType = Text()

    def update(self, seen: Look) -> None:
        for one in seen.ended:
            screen.print_line(f"{seen.at:%H:%M:%S}  {_in_words(one, seen.at)}")
        self._picture = _picture_of_all(seen)
        self.live.update(self._picture, refresh=True)

    def complain(self, trouble: str) -> None:
        self.live.update(_with_trouble(self._picture, trouble), refresh=True)


def _picture_of_all(seen: Look) -> RenderableType:
    rows = [_format_cells(one, seen.at) for one in seen.moving]
    head = screen.escape_text(f"{seen.at:%H:%M:%S} UTC   {_queues_in_words(seen)}   on the move: {seen.running}")
    parts: list[RenderableType] = [head, Text(), screen.as_table(_COLUMNS, rows) if rows else Text("nothing moves")]
    if seen.running > len(rows):
        parts.append(screen.escape_text(f"and {seen.running - len(rows)} more"))
    return Group(*parts)


class _OneOnScreen:
    """One order, on a terminal."""

    def __init__(self) -> None:
        self.live = Live(Text("looking …"), console=screen.out, auto_refresh=False)
        self._picture: RenderableType = Text()

    def update(self, seen: Progress) -> None:
        self._picture = _picture_of(seen)
        self.live.update(self._picture, refresh=True)

    def complain(self, trouble: str) -> None:
        self.live.update(_with_trouble(self._picture, trouble), refresh=True)


def _with_trouble(picture: RenderableType, trouble: str) -> RenderableType:
    return Group(picture, Text(), screen.escape_text(trouble))


def _picture_of(seen: Progress) -> RenderableType:
    if seen.row is None and seen.latest is None:
        return screen.escape_text(f"order {seen.order_id}: nothing is known of it yet")
    attempts = [seen.latest] if seen.latest else []
    return order_view.draw_order(seen.order_id, seen.row, attempts)


def _format_cells(one: Sighting, now: datetime) -> tuple[object, ...]:
    id_ = screen.shorten_text(one.order_id)
    name = f"{id_} (attempt {one.attempt})" if one.attempt and one.attempt > 1 else id_
    return name, one.status, one.email_status, _describe_state(one), _format_time(one, now)


def _describe_state(one: Sighting) -> str | None:
    """Say where its execution is, or how it ended: ReserveInventory, 3 tries: TransientError."""
    if one.execution_status == "SUCCEEDED" or one.state is None:
        return one.execution_status
    where = one.state if one.is_moving else f"{one.execution_status} at {one.state}"
    tried = f", {one.tries} tries" if one.tries > 1 else ""
    return f"{where}{tried}" + (f": {one.error}" if one.error else "")


def _format_time(one: Sighting, now: datetime) -> str | None:
    if one.started_at is None:
        return None
    if one.ended_at is None:
        return screen.format_age(one.started_at, now)
    return f"{(one.ended_at - one.started_at).total_seconds():.1f} s"


# ---------------------------------------------------------------------------------------------------- as lines


@dataclass(frozen=True)
class _Stamped:
    """What each line begins with, as a base's fields come first."""

    kind: str
    """Which of the two lines it is"""
    at: datetime
    """When it was seen, ISO 8601"""


@dataclass(frozen=True)
class OrderLine(Sighting, _Stamped):
    """An order: when it is first seen, when it ends, and, of the 20 newest that move, whenever it changes."""

    kind: Literal["order"]


@dataclass(frozen=True)
class QueuesLine(_Stamped):
    """The queues: at first, and whenever a number changes."""

    kind: Literal["queues"]
    waiting: Count
    """Messages in the order queue, those being worked on too"""
    dead_letters: Count
    """Messages in the three dead letter queues"""


class _AllAsLines:
    """All orders, a line a change."""

    def __init__(self, *, json: bool) -> None:
        self._json = json
        self._queues: tuple[int, int] | None = None
        self._changes = Changes()

    def update(self, seen: Look) -> None:
        if self._queues != (seen.waiting, seen.dead):
            self._queues = (seen.waiting, seen.dead)
            if self._json:
                screen.show_json_line(QueuesLine("queues", seen.at, seen.waiting, seen.dead))
            else:
                screen.print_line(f"{seen.at:%H:%M:%S}  {_queues_in_words(seen)}")
        _say_changes(self._changes.of([*seen.moving, *seen.started, *seen.ended]), seen.at, json=self._json)
        self._changes.forget(seen.ended)

    def complain(self, trouble: str) -> None:
        screen.print_note(trouble)


class _OneAsLines:
    """One order, a line a change."""

    def __init__(self, *, json: bool) -> None:
        self._json = json
        self._changes = Changes()

    def update(self, seen: Progress) -> None:
        _say_changes(self._changes.of([seen.sighting]), datetime.now(UTC), json=self._json)

    def complain(self, trouble: str) -> None:
        screen.print_note(trouble)


def _say_changes(changes: Iterable[Sighting], at: datetime, *, json: bool) -> None:
    for one in changes:
        if json:
            screen.show_json_line(OrderLine(kind="order", at=at, **vars(one)))
        else:
            screen.print_line(f"{at:%H:%M:%S}  {_in_words(one, at)}")


def _in_words(one: Sighting, now: datetime) -> str:
    """Put an order into one line, as in 12345 attempt 1: RUNNING at UpdateOrder (3 tries: TransientError)."""
    if one.execution is None:
        standing = f"{one.status}, no execution" if one.status else "nothing is known of it yet"
        return f"{screen.shorten_text(one.order_id)}: {standing}"
    where = f" at {one.state}" if one.state else ""
    tried = f"{one.tries} tries" if one.tries > 1 else ""
    trouble = ": ".join(filter(None, (tried, one.error)))
    mail = f", mail {one.email_status}" if one.email_status else ""
    status = f", {one.status}{mail}" if one.status else ""
    took = f", {_format_time(one, now)}" if one.ended_at else ""
    beside = f" ({trouble})" if trouble else ""
    attempt = f"{screen.shorten_text(one.order_id)} attempt {one.attempt}"
    return f"{attempt}: {one.execution_status}{where}{beside}{status}{took}"


def _queues_in_words(seen: Look) -> str:
    waiting = "1 message waits" if seen.waiting == 1 else f"{seen.waiting} messages wait"
    return f"{waiting}, {seen.dead} dead letter{'' if seen.dead == 1 else 's'}"
