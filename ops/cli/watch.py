"""`orders watch`: orders on the move, as they move."""

import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Protocol, TypeVar

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from ops import rules
from ops.cli import order_view, screen
from ops.cli.options import JsonOption, with_stack
from ops.next_step import next_step
from ops.stack import Stack
from ops.watch import Changes, Follower, Look, Progress, Sighting, Watcher

T_contra = TypeVar("T_contra", contravariant=True)

_STAYS: Final = timedelta(seconds=30)  # what has ended stays on the screen for so long
_SHORTEST_PAUSE: Final = 0.2  # seconds between two looks
_COLUMNS: Final = {"order": "left", "status": "left", "mail": "left", "now": "left", "time": "right"}


class Display(Protocol[T_contra]):
    """Where looks are shown; each is given to `update`."""

    def update(self, seen: T_contra) -> None:
        """Show it."""


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

    It does not read the tables whole. A look at all orders is a few requests, and three more for each order shown (the
    20 newest): at one in two seconds about 7 US cents a day for SQS, and little for the rest.
    """
    if order is not None:
        rules.order_id("ORDER", order)
    until = time.monotonic() + rules.duration("--for", for_).total_seconds() if for_ is not None else None
    pause = rules.seconds("--every", every, least=_SHORTEST_PAUSE)
    if order is None:
        _watch_all(Watcher(stack), pause, until, json=json)
    else:
        _watch_one(Follower(stack, order), pause, until, json=json)


def _watch_all(watcher: Watcher, every: float, until: float | None, *, json: bool) -> None:
    display: Display[Look] = _AllAsLines(json=json) if json or not screen.out.is_terminal else _AllOnScreen()
    try:
        with _shown(display):
            for _ in _ticks(every, until):
                display.update(watcher.look())
    except KeyboardInterrupt:
        return


def _watch_one(follower: Follower, every: float, until: float | None, *, json: bool) -> None:
    display: Display[Progress] = _OneAsLines(json=json) if json or not screen.out.is_terminal else _OneOnScreen()
    seen: Progress | None = None
    try:
        with _shown(display):
            for _ in _ticks(every, until):
                seen = follower.look()
                display.update(seen)
                if seen.has_ended(datetime.now(UTC)):
                    break
            else:
                screen.note("it has not come to its end yet")
    except KeyboardInterrupt:
        screen.note("it has not come to its end yet")
    if seen is None or not seen.sighting.is_done:
        raise typer.Exit(1)


def _ticks(every: float, until: float | None) -> Iterator[None]:
    """Yield at once and then every so many seconds, until the time is up."""
    while True:
        began = time.monotonic()
        yield
        left = min(began + every, until or began + every) - time.monotonic()
        if left > 0:
            time.sleep(left)
        if until is not None and time.monotonic() >= until:
            return


def _shown(display: Display[Any]) -> AbstractContextManager[Any]:
    return display.live if isinstance(display, _AllOnScreen | _OneOnScreen) else nullcontext()


# ---------------------------------------------------------------------------------------------------- on a terminal


class _AllOnScreen:
    """All orders, on a terminal."""

    def __init__(self) -> None:
        self.live = Live(Text("looking …"), console=screen.out, auto_refresh=False)
        self._ended: dict[tuple[str, int | None], tuple[Sighting, datetime]] = {}

    def update(self, seen: Look) -> None:
        for one in seen.ended:
            self._ended[one.order_id, one.attempt] = (one, seen.at)
        for one in seen.moving:  # redriven
            self._ended.pop((one.order_id, one.attempt), None)
        kept = {known: (one, at) for known, (one, at) in self._ended.items() if seen.at - at <= _STAYS}
        self._ended = kept
        self.live.update(self._picture(seen), refresh=True)

    def _picture(self, seen: Look) -> RenderableType:
        ended = [one for one, _ in sorted(self._ended.values(), key=lambda pair: pair[1], reverse=True)]
        rows = [_cells(one, seen.at) for one in [*seen.moving, *ended]]
        head = screen.plain(f"{seen.at:%H:%M:%S} UTC   {_queues_in_words(seen)}   on the move: {len(seen.moving)}")
        parts: list[RenderableType] = [head, Text(), screen.as_table(_COLUMNS, rows) if rows else Text("nothing moves")]
        if seen.not_shown:
            parts.append(screen.plain(f"and {seen.not_shown} more"))
        return Group(*parts)


class _OneOnScreen:
    """One order, on a terminal."""

    def __init__(self) -> None:
        self.live = Live(Text("looking …"), console=screen.out, auto_refresh=False)

    def update(self, seen: Progress) -> None:
        self.live.update(_picture_of(seen), refresh=True)


def _picture_of(seen: Progress) -> RenderableType:
    if seen.row is None and seen.latest is None:
        return screen.plain(f"order {seen.order_id}: nothing is known of it yet")
    attempts = [seen.latest] if seen.latest else []
    return order_view.picture(seen.order_id, seen.row, attempts, (), next_step(seen.row, seen.latest))


def _cells(one: Sighting, now: datetime) -> tuple[object, ...]:
    name = f"{one.order_id} (attempt {one.attempt})" if one.attempt and one.attempt > 1 else one.order_id
    return name, one.status, one.email_status, _standing(one), _time(one, now)


def _standing(one: Sighting) -> str | None:
    """Say where its execution is, or how it ended: ReserveInventory, 3 tries: TransientError."""
    if one.execution_status == "SUCCEEDED" or one.state is None:
        return one.execution_status
    where = one.state if one.is_moving else f"{one.execution_status} at {one.state}"
    tried = f", {one.tries} tries" if one.tries > 1 else ""
    return f"{where}{tried}" + (f": {one.error}" if one.error else "")


def _time(one: Sighting, now: datetime) -> str | None:
    if one.started_at is None:
        return None
    if one.ended_at is None:
        return screen.ago(one.started_at, now)
    return f"{(one.ended_at - one.started_at).total_seconds():.1f} s"


# ---------------------------------------------------------------------------------------------------- as lines


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
                screen.show_json_line(
                    {"kind": "queues", "at": seen.at, "waiting": seen.waiting, "dead_letters": seen.dead}
                )
            else:
                screen.say(f"{seen.at:%H:%M:%S}  {_queues_in_words(seen)}")
        _say_changes(self._changes.of([*seen.moving, *seen.ended]), seen.at, json=self._json)
        self._changes.forget(seen.ended)


class _OneAsLines:
    """One order, a line a change."""

    def __init__(self, *, json: bool) -> None:
        self._json = json
        self._changes = Changes()

    def update(self, seen: Progress) -> None:
        _say_changes(self._changes.of([seen.sighting]), datetime.now(UTC), json=self._json)


def _say_changes(changes: Iterable[Sighting], at: datetime, *, json: bool) -> None:
    for one in changes:
        if json:
            screen.show_json_line({"kind": "order", "at": at, **asdict(one)})
        else:
            screen.say(f"{at:%H:%M:%S}  {_in_words(one, at)}")


def _in_words(one: Sighting, now: datetime) -> str:
    """Put an order into one line, as in 12345 attempt 1: RUNNING at UpdateOrder (3 tries: TransientError)."""
    if one.execution is None:
        standing = f"{one.status}, no execution" if one.status else "nothing is known of it yet"
        return f"{one.order_id}: {standing}"
    where = f" at {one.state}" if one.state else ""
    tried = f"{one.tries} tries" if one.tries > 1 else ""
    trouble = ": ".join(filter(None, (tried, one.error)))
    mail = f", mail {one.email_status}" if one.email_status else ""
    status = f", {one.status}{mail}" if one.status else ""
    took = f", {_time(one, now)}" if one.ended_at else ""
    beside = f" ({trouble})" if trouble else ""
    return f"{one.order_id} attempt {one.attempt}: {one.execution_status}{where}{beside}{status}{took}"


def _queues_in_words(seen: Look) -> str:
    waiting = "1 message waits" if seen.waiting == 1 else f"{seen.waiting} messages wait"
    return f"{waiting}, {seen.dead} dead letter{'' if seen.dead == 1 else 's'}"
