"""`orders watch`: orders on the move, as they move."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Protocol, TypeVar

import typer

from functions.shared.errors import TransientError
from ops.contract import rules
from ops.orders.next_step import next_step
from ops.orders.watch import Follower, Look, Progress, Watcher
from ops.orders.watch_lines import AllAsLines, OneAsLines
from ops.orders.watch_screen import AllOnScreen, OneOnScreen
from ops.stack import Stack
from ops.terminal import screen
from ops.terminal.options import JsonOption, with_stack

T = TypeVar("T", Look, Progress)
T_contra = TypeVar("T_contra", contravariant=True)

_SHORTEST_PAUSE: Final = 0.2  # seconds between two looks
_SLOWEST: Final = 60.0  # seconds between two looks while AWS throttles or is out of reach


class Display(Protocol[T_contra]):
    """Shows looks: `update` takes each look, and `complain` the reason why one failed."""

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
    display: Display[Look] = AllAsLines(json=json) if json or not screen.out.is_terminal else AllOnScreen()
    try:
        with _show_display(display):
            for seen in _look_repeatedly(watcher.look, every, until, display):
                display.update(seen)
    except KeyboardInterrupt:
        return


def _watch_one(follower: Follower, every: float, until: float | None, *, json: bool) -> None:
    display: Display[Progress] = OneAsLines(json=json) if json or not screen.out.is_terminal else OneOnScreen()
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
    if seen and isinstance(display, OneOnScreen) and (advice := next_step(seen.row, seen.latest)):
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
    return display.live if isinstance(display, AllOnScreen | OneOnScreen) else nullcontext()
