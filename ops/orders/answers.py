"""The JSON answers of the commands about orders."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ops.contract.kinds import Count, ExecutionStatus, Positive, Seconds
from ops.dead_letters.dead_letter import DeadLetter
from ops.dead_letters.queues import Filled
from ops.orders.execution import Attempt
from ops.orders.history import Visit
from ops.orders.publish import End
from ops.orders.stuck import Stuck
from ops.stock.movements import StockItem
from ops.tables.attributes import Problem
from ops.tables.order_row import OrderRow


@dataclass(frozen=True)
class ShownLine:
    """A line of an order."""

    item_id: str
    """The item's id"""
    quantity: Positive
    """Pieces"""


@dataclass(frozen=True)
class ShownRow:
    """The order's row: the ledger."""

    order_id: str
    """The order's id"""
    status: str | None
    """The row's status, of which the workflow writes PROCESSING, CONFIRMED, REJECTED and FAILED, and an operator
    CANCELLED; null where it has none"""
    attempt: int | None
    """The number of the execution that the row is of; null if it was cancelled before it was placed, or cannot be
    read"""
    customer_email: str | None
    """The customer's address"""
    items: list[ShownLine]
    """The items ordered, each once; empty where they cannot be read"""
    created_at: datetime | None
    """When the row was written first, ISO 8601"""
    updated_at: datetime | None
    """When it changed last, ISO 8601"""
    status_reason: str | None
    """Why it is REJECTED, FAILED or CANCELLED"""
    email_status: str | None
    """The mail's status: PENDING, SENDING, SENT, DELIVERED, BOUNCED, COMPLAINED, REJECTED, UNKNOWN; null while
    nobody has tried to send it"""
    email_message_id: str | None
    """The id that SES gave the mail"""
    email_error: str | None
    """Why the mail did not leave, or did not arrive"""
    email_claim: str | None
    """By which try the mail is or was being sent"""
    email_earlier: str | None
    """The status of an earlier mail, where a person had another one sent"""
    problems: Sequence[Problem]
    """Problems of the row: no step of the workflow writes it so"""


@dataclass(frozen=True)
class ShownExecution:
    """An execution."""

    number: Positive
    """Which of the order's executions it is, from 1"""
    execution: str
    """Its name"""
    status: ExecutionStatus
    """Its status in Step Functions"""
    started_at: datetime
    """When it began, ISO 8601"""
    ended_at: datetime | None
    """When it ended, ISO 8601; null while it runs"""
    states: Sequence[Visit]
    """The states it entered, in their order"""
    seconds: Seconds | None
    """How long it took; null while it runs"""


@dataclass(frozen=True)
class ShowAnswer:
    """All that is known of an order."""

    order_id: str
    """The order's id"""
    order: ShownRow | None
    """Its row; null if there is none"""
    attempts: list[ShownExecution]
    """Its executions, the first first; Step Functions forgets one after 90 days"""
    dead_letters: Sequence[DeadLetter]
    """The dead letters that name it, the oldest first; looked for only where row and executions do not account for
    the order"""
    dead_letters_unread: Count | None
    """How many more dead letters could not be read, since somebody else held them; null if dead letters were not
    looked for"""
    next: str | None
    """The next thing for a person to do, in words; null where nothing is wrong"""


@dataclass(frozen=True)
class ListAnswer:
    """Orders, those that changed last first."""

    orders: list[ShownRow]
    """As many as --limit lets through"""
    matching: Count
    """How many there are that fit, shown or not"""


@dataclass(frozen=True)
class OrderEnd:
    """How an order ended."""

    status: str | None
    """The row's status; null where it has none"""
    status_reason: str | None
    """Why it is REJECTED, FAILED or CANCELLED"""
    email_status: str | None
    """The mail's status; null while nobody has tried to send it"""
    email_error: str | None
    """Why the mail did not leave, or did not arrive"""
    execution: str | None
    """The execution that was waited for"""
    execution_status: ExecutionStatus | None
    """How it ended"""
    seconds: Seconds | None
    """How long it took"""
    refused: str | None
    """Why the starter refused it; null if it did not"""


@dataclass(frozen=True)
class PlacedOrder:
    """An order that was published."""

    order_id: str
    """The order's id"""
    end: OrderEnd | None
    """How it ended; null without --wait, or if it has not ended in time"""


@dataclass(frozen=True)
class PlaceAnswer:
    """The orders that were published."""

    orders: list[PlacedOrder]
    """In the order in which they were published; with --wait in which they ended"""


@dataclass(frozen=True)
class ChosenOrders:
    """Orders of one kind."""

    status: str | None
    """The row's status"""
    mail: str | None
    """The mail's status; null while nobody has tried to send it"""
    reason: str | None
    """Why the order failed, or its mail did, as far as many orders have it in common"""
    orders: Positive
    """How many"""


@dataclass(frozen=True)
class PublishedOrder:
    """An order that was published again."""

    order_id: str
    """The order's id"""
    attempt: Positive
    """The attempt that this starts"""
    note: str | None
    """A note on this order; usually null"""


@dataclass(frozen=True)
class FailedOrder:
    """An order that could not be published."""

    order_id: str
    """The order's id"""
    error: str
    """Why not"""


@dataclass(frozen=True)
class LeftOutOrders:
    """Orders that were left out for one reason."""

    reason: str
    """Why, and the command for it, in which ORDER is a placeholder for the id"""
    orders: Positive
    """How many"""


@dataclass(frozen=True)
class RetryManyAnswer:
    """The orders that were published again, and those that were not."""

    chosen: list[ChosenOrders]
    """The orders that were to be published again, counted by what their rows said"""
    published: list[PublishedOrder]
    """The orders that were published again, in that order; empty with --dry-run"""
    failed: list[FailedOrder]
    """The orders that could not be published"""
    left_out: list[LeftOutOrders]
    """Orders that a retry would not help, by their row or last execution"""
    remaining: Count
    """How many of the chosen were not reached: all with --dry-run, the rest where it was stopped"""
    beyond_limit: Count
    """How many more fit, beyond --limit"""


@dataclass(frozen=True)
class StuckAnswer:
    """Orders and executions that only a person can move on."""

    stuck: list[Stuck]
    """Those that have stood still longest first"""
    dead_letters: list[Filled]
    """The queues that hold dead letters, and how many"""
    odd_items: list[StockItem]
    """Items whose row no step of the workflow can read: each order of one is rejected as of an unknown item"""


def describe_row(row: OrderRow) -> ShownRow:
    """Give a row as data."""
    return ShownRow(
        order_id=row.order_id,
        status=row.status,
        attempt=row.attempt,
        customer_email=row.customer_email,
        items=[ShownLine(line.item_id, line.quantity) for line in row.lines],
        created_at=row.created_at,
        updated_at=row.updated_at,
        status_reason=row.status_reason,
        email_status=row.email_status,
        email_message_id=row.email_message_id,
        email_error=row.email_error,
        email_claim=row.email_claim,
        email_earlier=row.email_earlier,
        problems=row.problems,
    )


def describe_order(
    order_id: str,
    row: OrderRow | None,
    attempts: Iterable[Attempt],
    letters: Sequence[DeadLetter],
    next_step: str | None,
    *,
    unread: int | None,
) -> ShowAnswer:
    """Give all of an order as data; `unread` dead letters could not be read, None if they were not looked for."""
    return ShowAnswer(
        order_id=order_id,
        order=describe_row(row) if row else None,
        attempts=[_describe_execution(attempt) for attempt in attempts],
        dead_letters=letters,
        dead_letters_unread=unread,
        next=next_step,
    )


def _describe_execution(attempt: Attempt) -> ShownExecution:
    return ShownExecution(
        number=attempt.number,
        execution=attempt.name,
        status=attempt.status,
        started_at=attempt.started_at,
        ended_at=attempt.ended_at,
        states=attempt.states,
        seconds=attempt.seconds,
    )


def describe_end(end: End) -> OrderEnd | None:
    """Give how an order ended as data; None if it has not."""
    if not end.has_come:
        return None
    row, execution = end.row, end.execution
    return OrderEnd(
        status=row.status if row else None,
        status_reason=row.status_reason if row else None,
        email_status=row.email_status if row else None,
        email_error=row.email_error if row else None,
        execution=execution.name if execution else None,
        execution_status=execution.status if execution else None,
        seconds=execution.seconds if execution else None,
        refused=end.refused,
    )
