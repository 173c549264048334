"""Orders on the move, look by look, without scanning the tables.

Lists of executions say which orders run and which have ended (`ops.orders.ends`); the order's id is in the execution's
name. Only details cost a call each: the states of the newest that run and of those that ended badly, as many as the
pace allows. Rows are read only of orders that are shown, have just started, or have just ended.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from functions.shared import row
from functions.shared.aws import call_aws
from functions.shared.errors import TransientError
from ops.contract.kinds import Count, ExecutionStatus
from ops.dead_letters.queues import QUEUES, count_messages
from ops.orders.ends import EndFinder
from ops.orders.execution import Attempt, Execution, order_in
from ops.orders.history import Visit
from ops.orders.ledger import Orders
from ops.orders.pace import Pace
from ops.stack import Stack
from ops.tables.order_row import OrderRow

MOST_SHOWN: Final = 20  # orders on the move, whose state is looked at; the newest
_AT_ONCE: Final = 8  # calls
# An execution that was cut off is followed by release_abandoned, which writes the row: seconds until that is given up.
_ROW_MAY_LAG: Final = timedelta(seconds=15)
_SETTLED: Final = frozenset({row.CONFIRMED, row.REJECTED, row.FAILED, row.CANCELLED})


@dataclass(frozen=True)
class Sighting:
    """An order as a look found it."""

    order_id: str
    """The order's id; the execution's name if it is of no order, or if there was no time to look up the order of a
    name that holds a hash"""
    attempt: int | None
    """The number of its execution; null where it is not known"""
    execution: str | None
    """The execution's name"""
    execution_status: ExecutionStatus | None
    """Its status in Step Functions"""
    state: str | None
    """The state it is in, or ended in; null where it was not asked for: without ORDER, of those that succeeded, and of
    all but the 20 newest that move"""
    tries: Count
    """How often that was tried so far; 0 where state is null"""
    error: str | None
    """The error of the last failed try"""
    status: str | None
    """The row's status, of which the workflow writes PROCESSING, CONFIRMED, REJECTED and FAILED, and an operator
    CANCELLED; null where it has none"""
    email_status: str | None
    """The mail's status: PENDING, SENDING, SENT, DELIVERED, BOUNCED, COMPLAINED, REJECTED, UNKNOWN; null while
    nobody has tried to send it"""
    started_at: datetime | None
    """When the execution began, ISO 8601"""
    ended_at: datetime | None
    """When it ended, ISO 8601; null while it runs"""

    @property
    def is_moving(self) -> bool:
        """Whether its execution is under way."""
        return self.execution_status in ("RUNNING", "PENDING_REDRIVE")

    @property
    def is_done(self) -> bool:
        """Whether it ended well: CONFIRMED, and the customer has been notified."""
        told = self.email_status in (row.MAIL_SENT, row.MAIL_DELIVERED)
        return not self.is_moving and self.status == row.CONFIRMED and told


@dataclass(frozen=True)
class Look:
    """The findings of one look: waiting messages, dead letters, orders on the move, and orders that ended since.

    `moving` are the newest; `started` others that move since the last look; `running` counts all that move. `trouble`
    is why the look knows less than it should.
    """

    at: datetime
    waiting: int
    dead: int
    running: int
    moving: tuple[Sighting, ...] = ()
    started: tuple[Sighting, ...] = ()
    ended: tuple[Sighting, ...] = ()
    trouble: str | None = None


class Watcher:
    """Looks at all orders, again and again. The first look is what the next ones are compared with."""

    def __init__(self, stack: Stack, pace: Pace | None = None) -> None:
        self._stack = stack
        self._pace = pace or Pace()
        self._orders = Orders.of(stack, self._pace)
        self._ends = EndFinder(self._orders, self._pace)
        self._states: dict[str, Visit | None] = {}  # of what runs, in the order in which they were asked for
        self._described: dict[str, tuple[str, int]] = {}  # order and attempt of executions whose name does not tell
        self._trouble: str | None = None

    def look(self) -> Look:
        """See what is going on, and what has ended since the last look that succeeded.

        Raises:
            TransientError: throttled or out of reach; what has ended meanwhile is reported by the next look.
        """
        return call_aws(self._look_once)

    def _look_once(self) -> Look:
        at, seen = datetime.now(UTC), self._ends.look()
        self._trouble = seen.trouble
        shown = _keep_newest(seen.running.values())
        started = [one for one in seen.started if one not in shown]
        ended = seen.ended if self._ends.has_looked else ()
        self._ask_states([one.name for one in ended if one.status != "SUCCEEDED"], [one.name for one in shown])
        sightings = self._make_sightings([*shown, *ended, *started])
        look = Look(
            at,
            **_count_messages(self._stack),
            running=len(seen.running),
            moving=tuple(sightings[one.name] for one in shown),
            started=tuple(sightings[one.name] for one in started),
            ended=tuple(sightings[one.name] for one in ended),
            trouble=self._trouble,
        )
        self._ends.accept(seen)
        self._states = {name: state for name, state in self._states.items() if name in seen.running}
        self._described = {name: told for name, told in self._described.items() if name in seen.running}
        return look

    def _ask_states(self, ended: Sequence[str], moving: Sequence[str]) -> None:
        """Ask for the states of what ended badly, then of what moves: first what was not asked for the longest time."""
        for name in ended:
            self._states.pop(name, None)
        age = {name: place for place, name in enumerate(self._states, 1)}
        names = [*ended, *sorted(moving, key=lambda name: age.get(name, 0))]
        names = names[: self._pace.ready("get_execution_history")]
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as readers:
            found = readers.map(lambda name: call_aws(self._orders.newest_state, name=name), names)
            try:
                for name, state in zip(names, found, strict=True):
                    self._states.pop(name, None)
                    self._states[name] = state
            except TransientError as error:
                self._trouble = str(error)

    def _make_sightings(self, executions: Sequence[Execution]) -> dict[str, Sighting]:
        names = [one.name for one in executions]
        orders = {name: self._described.get(name) or order_in(name) for name in names}
        rows = self._orders.rows_of(sorted({order[0] for order in orders.values() if order}))
        unclear = [name for name, order in orders.items() if order is None or order[0] not in rows]
        orders |= self._describe_unnamed([name for name in unclear if name not in self._described])
        others = {order[0] for name in unclear if (order := orders[name])}
        rows |= self._orders.rows_of(sorted(others - rows.keys()))
        return {one.name: self._make_sighting(one, orders[one.name] or (one.name, None), rows) for one in executions}

    def _describe_unnamed(self, names: Sequence[str]) -> dict[str, tuple[str, int]]:
        """Ask, once, for the order of executions whose name does not tell it; one started by hand is of no order."""
        found = dict[str, tuple[str, int]]()
        for name in names[: self._pace.ready("describe_execution")]:
            try:
                attempt: Attempt | None = call_aws(self._orders.named, name=name)
            except TransientError as error:
                self._trouble = str(error)
                break
            if attempt:
                found[name] = (attempt.order_id or name, attempt.number)
        self._described |= found
        return found

    def _make_sighting(self, one: Execution, order: tuple[str, int | None], rows: Mapping[str, OrderRow]) -> Sighting:
        state = None if one.status == "SUCCEEDED" else self._states.get(one.name)
        found = rows.get(order[0])
        return Sighting(
            order_id=order[0],
            attempt=order[1],
            execution=one.name,
            execution_status=one.status,
            state=state.state if state else None,
            tries=state.tries if state else 0,
            error=state.error if state else None,
            status=found.status if found else None,
            email_status=found.email_status if found else None,
            started_at=one.started_at,
            ended_at=one.ended_at,
        )


@dataclass(frozen=True)
class Progress:
    """One order at one look: its row and its last execution with all its states; `trouble` as of a `Look`."""

    order_id: str
    row: OrderRow | None
    latest: Attempt | None
    trouble: str | None = None

    @property
    def sighting(self) -> Sighting:
        """It in one line."""
        return make_sighting(self.latest, self.row, self.order_id)

    def has_ended(self, now: datetime) -> bool:
        """Whether the order has come to its end; one of which nothing is known has not."""
        settled = self.row is not None and self.row.status in _SETTLED
        if self.latest is None or self.latest.ended_at is None or self.latest.is_running:
            return settled and self.latest is None
        return settled or now - self.latest.ended_at > _ROW_MAY_LAG


class Follower:
    """Looks at one order, again and again: two or three calls, and the last execution's history."""

    def __init__(self, stack: Stack, order_id: str, pace: Pace | None = None) -> None:
        self._orders = Orders.of(stack, pace or Pace())
        self._order_id = order_id
        self._attempt = 0

    def look(self) -> Progress:
        """See how far it is. The row is read last: what it says is then never older than the execution.

        Raises:
            TransientError: throttled or out of reach.
        """
        return call_aws(self._look_once)

    def _look_once(self) -> Progress:
        latest = self._find_latest()
        found = self._orders.row(self._order_id)
        if latest is None and found and found.attempt:
            self._attempt = found.attempt
            latest = self._find_latest()
        self._attempt = latest.number if latest else 0
        return Progress(self._order_id, found, self._orders.with_states(latest) if latest else None)

    def _find_latest(self) -> Attempt | None:
        return self._orders.latest(self._order_id, at_least=self._attempt)


class Changes:
    """Finds what is new in a look: each order when it is first seen, and whenever it has changed."""

    def __init__(self) -> None:
        self._last: dict[str, Sighting] = {}

    def of(self, sightings: Iterable[Sighting]) -> Iterator[Sighting]:
        """Yield those that stand otherwise than when they were last given; what ended is forgotten."""
        for one in sightings:
            if self._last.get(_read_name(one)) != one:
                yield one
            self._last[_read_name(one)] = one

    def forget(self, sightings: Iterable[Sighting]) -> None:
        """Forget orders that are not looked at any more."""
        for one in sightings:
            self._last.pop(_read_name(one), None)


def _read_name(one: Sighting) -> str:
    return one.execution or one.order_id


def make_sighting(attempt: Attempt | None, order: OrderRow | None, order_id: str = "") -> Sighting:
    """Put an execution and a row into one line; `order_id` where neither tells."""
    state = attempt.states[-1] if attempt and attempt.states else None
    return Sighting(
        order_id=(order.order_id if order else attempt and attempt.order_id)
        or order_id
        or (attempt.name if attempt else ""),
        attempt=attempt.number if attempt else order.attempt if order else None,
        execution=attempt.name if attempt else None,
        execution_status=attempt.status if attempt else None,
        state=state.state if state else None,
        tries=state.tries if state else 0,
        error=state.error if state else None,
        status=order.status if order else None,
        email_status=order.email_status if order else None,
        started_at=attempt.started_at if attempt else None,
        ended_at=attempt.ended_at if attempt else None,
    )


def _keep_newest(executions: Iterable[Execution]) -> list[Execution]:
    return sorted(executions, key=lambda one: one.started_at, reverse=True)[:MOST_SHOWN]


def _count_messages(stack: Stack) -> dict[str, int]:
    sqs = stack.client("sqs")
    return {
        "waiting": count_messages(sqs, stack["OrderQueueUrl"]),
        "dead": sum(count_messages(sqs, stack[output]) for output in QUEUES.values()),
    }
