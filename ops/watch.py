"""Orders on the move, look by look, without reading the tables whole.

A look at all orders lists the executions that run and those that were started since the last look, reads the state of
those that are shown, and the rows of exactly these orders. One that is done between two looks is seen all the same.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final

from functions.shared import row
from ops.dead_letters import QUEUES
from ops.orders import Attempt, OrderRow, Orders, Started
from ops.pipeline import messages_in
from ops.stack import Stack

MOST_SHOWN: Final = 20  # orders on the move; the newest
_AT_ONCE: Final = 8  # calls
_MOST_RUNNING: Final = 5000  # executions that are listed at a look; the newest
_MOST_NEW: Final = 500  # executions that were started between two looks
# Between this clock and that of Step Functions, and what its lists may lag behind.
_OVERLAP: Final = timedelta(seconds=30)
# An execution that was cut off is followed by release_abandoned, which writes the row: seconds until that is given up.
_ROW_MAY_LAG: Final = timedelta(seconds=15)
_SETTLED: Final = frozenset({row.CONFIRMED, row.REJECTED, row.FAILED, row.CANCELLED})


@dataclass(frozen=True)
class Sighting:
    """One order as a look found it; `status` and `email_status` are its row's, `state` its execution's."""

    order_id: str
    attempt: int | None
    execution: str | None
    execution_status: str | None
    state: str | None
    tries: int
    error: str | None
    status: str | None
    email_status: str | None
    started_at: datetime | None
    ended_at: datetime | None

    @property
    def is_moving(self) -> bool:
        """Whether its execution is under way."""
        return self.execution_status in ("RUNNING", "PENDING_REDRIVE")

    @property
    def is_done(self) -> bool:
        """Whether it ended well: CONFIRMED, and its customer was told."""
        told = self.email_status in (row.MAIL_SENT, row.MAIL_DELIVERED)
        return not self.is_moving and self.status == row.CONFIRMED and told


@dataclass(frozen=True)
class Look:
    """What one look saw: messages that wait, dead letters, the orders on the move, and those that ended since."""

    at: datetime
    waiting: int
    dead: int
    moving: tuple[Sighting, ...] = ()
    ended: tuple[Sighting, ...] = ()
    not_shown: int = 0


class Watcher:
    """Looks at all orders, again and again."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._orders = Orders.of(stack)
        self._began = self._last = datetime.now(UTC)
        self._moving: set[str] = set()  # executions that ran at the last look
        self._told: set[str] | None = None  # of those that may be listed again, the ended ones; None before the first

    def look(self) -> Look:
        """See what is going on, and what has ended since the last look."""
        at = datetime.now(UTC)
        running = {one.name: one for one in islice(self._orders.running(), _MOST_RUNNING)}
        new = {one.name: one for one in islice(self._orders.started_since(self._last - _OVERLAP), _MOST_NEW)}
        # One that ends between the two lists is in both, and is told at the next look.
        over = ({name for name, one in new.items() if one.status != "RUNNING"} | self._moving) - running.keys()
        if self._told is None:
            self._told = {name for name in over if new[name].started_at < self._began}
        ended = over - self._told
        self._told, self._moving, self._last = ((self._told | ended) & new.keys()) - running.keys(), set(running), at
        shown = [one.name for one in _newest(running.values())]
        shown_ended = sorted(ended)[:MOST_SHOWN]
        return Look(
            at,
            **_depths(self._stack),
            moving=self._sightings(shown),
            # One that has only fallen off the end of a long list still moves.
            ended=tuple(one for one in self._sightings(shown_ended) if not one.is_moving),
            not_shown=len(running) - len(shown) + len(ended) - len(shown_ended),
        )

    def _sightings(self, names: Sequence[str]) -> tuple[Sighting, ...]:
        if not names:
            return ()
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as readers:
            found = [attempt for attempt in readers.map(self._attempt, names) if attempt]
        rows = self._orders.rows_of(sorted({attempt.order_id for attempt in found if attempt.order_id}))
        return tuple(sighting(attempt, rows.get(attempt.order_id or "")) for attempt in found)

    def _attempt(self, name: str) -> Attempt | None:
        attempt, state = self._orders.named(name), self._orders.newest_state(name)
        return replace(attempt, states=(state,) if state else ()) if attempt else None


@dataclass(frozen=True)
class Progress:
    """One order at one look: its row and its last execution with all its states."""

    order_id: str
    row: OrderRow | None
    latest: Attempt | None

    @property
    def sighting(self) -> Sighting:
        """It in one line."""
        return sighting(self.latest, self.row, self.order_id)

    def has_ended(self, now: datetime) -> bool:
        """Whether the order has come to its end; one of which nothing is known has not."""
        settled = self.row is not None and self.row.status in _SETTLED
        if self.latest is None or self.latest.ended_at is None or self.latest.is_running:
            return settled and self.latest is None
        return settled or now - self.latest.ended_at > _ROW_MAY_LAG


class Follower:
    """Looks at one order, again and again: two or three calls, and the last execution's history."""

    def __init__(self, stack: Stack, order_id: str) -> None:
        self._orders = Orders.of(stack)
        self._order_id = order_id
        self._attempt = 0

    def look(self) -> Progress:
        """See how far it is. The row is read last: what it says is then never older than the execution."""
        latest = self._latest()
        found = self._orders.row(self._order_id)
        if latest is None and found and found.attempt:
            self._attempt = found.attempt
            latest = self._latest()
        self._attempt = latest.number if latest else 0
        return Progress(self._order_id, found, self._orders.with_states(latest) if latest else None)

    def _latest(self) -> Attempt | None:
        return self._orders.latest(self._order_id, at_least=self._attempt)


class Changes:
    """Tells what is new in a look: each order when it is first seen, and whenever it stands otherwise."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, int | None], Sighting] = {}

    def of(self, sightings: Iterable[Sighting]) -> Iterator[Sighting]:
        """Yield those that stand otherwise than when they were last given; what ended is forgotten."""
        for one in sightings:
            known = (one.order_id, one.attempt)
            if self._last.get(known) != one:
                yield one
            self._last[known] = one

    def forget(self, sightings: Iterable[Sighting]) -> None:
        """Forget orders that are not looked at any more."""
        for one in sightings:
            self._last.pop((one.order_id, one.attempt), None)


def sighting(attempt: Attempt | None, order: OrderRow | None, order_id: str = "") -> Sighting:
    """Put an execution and a row into one line; `order_id` where neither tells."""
    state = attempt.states[-1] if attempt and attempt.states else None
    return Sighting(
        order_id=(order.order_id if order else attempt and attempt.order_id)
        or order_id
        or (attempt.execution if attempt else ""),
        attempt=attempt.number if attempt else order.attempt if order else None,
        execution=attempt.execution if attempt else None,
        execution_status=attempt.status if attempt else None,
        state=state.state if state else None,
        tries=state.tries if state else 0,
        error=state.error if state else None,
        status=order.status if order else None,
        email_status=order.email_status if order else None,
        started_at=attempt.started_at if attempt else None,
        ended_at=attempt.ended_at if attempt else None,
    )


def _newest(executions: Iterable[Started]) -> list[Started]:
    return sorted(executions, key=lambda one: one.started_at, reverse=True)[:MOST_SHOWN]


def _depths(stack: Stack) -> dict[str, int]:
    sqs = stack.client("sqs")
    return {
        "waiting": messages_in(sqs, stack["OrderQueueUrl"]),
        "dead": sum(messages_in(sqs, stack[output]) for output in QUEUES.values()),
    }
