"""`orders watch` without a terminal: a line for each change, in words or as JSON."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from ops.contract.kinds import Count
from ops.orders.watch import Changes, Look, Progress, Sighting
from ops.terminal import screen


@dataclass(frozen=True)
class _Stamped:
    """The first fields of each line; a base class, since a base's fields come first."""

    kind: str
    """The kind of line"""
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


class AllAsLines:
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
                screen.print_line(f"{seen.at:%H:%M:%S}  {describe_queues(seen)}")
        _say_changes(self._changes.of([*seen.moving, *seen.started, *seen.ended]), seen.at, json=self._json)
        self._changes.forget(seen.ended)

    def complain(self, trouble: str) -> None:
        screen.print_note(trouble)


class OneAsLines:
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
            screen.print_line(f"{at:%H:%M:%S}  {describe_sighting(one, at)}")


def describe_sighting(one: Sighting, now: datetime) -> str:
    """Put an order into one line, as in 12345 attempt 1: RUNNING at UpdateOrder (3 tries: TransientError)."""
    if one.execution is None:
        standing = f"{one.status}, no execution" if one.status else "nothing is known of it yet"
        return f"{screen.shorten_text(one.order_id)}: {standing}"
    where = f" at {one.state}" if one.state else ""
    tried = f"{one.tries} tries" if one.tries > 1 else ""
    trouble = ": ".join(filter(None, (tried, one.error)))
    mail = f", mail {one.email_status}" if one.email_status else ""
    status = f", {one.status}{mail}" if one.status else ""
    took = f", {format_time(one, now)}" if one.ended_at else ""
    beside = f" ({trouble})" if trouble else ""
    attempt = f"{screen.shorten_text(one.order_id)} attempt {one.attempt}"
    return f"{attempt}: {one.execution_status}{where}{beside}{status}{took}"


def describe_queues(seen: Look) -> str:
    waiting = "1 message waits" if seen.waiting == 1 else f"{seen.waiting} messages wait"
    return f"{waiting}, {seen.dead} dead letter{'' if seen.dead == 1 else 's'}"


def format_time(one: Sighting, now: datetime) -> str | None:
    if one.started_at is None:
        return None
    if one.ended_at is None:
        return screen.format_age(one.started_at, now)
    return f"{(one.ended_at - one.started_at).total_seconds():.1f} s"
