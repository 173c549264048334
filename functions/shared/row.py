"""The order's row in DynamoDB, the ledger: its statuses, its shape, and what each status means to a step."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Self

from functions.shared.errors import OrderAlreadyConfirmed, OrderAlreadyFailed, OrderClosed
from functions.shared.order import Line, Order

PROCESSING: Final = "PROCESSING"
CONFIRMED: Final = "CONFIRMED"
REJECTED: Final = "REJECTED"
FAILED: Final = "FAILED"
CANCELLED: Final = "CANCELLED"
# An order in one of these is done, but for the mail of a CONFIRMED one.
ENDS: Final = frozenset({CONFIRMED, REJECTED, FAILED, CANCELLED})

MAIL_PENDING: Final = "PENDING"
MAIL_SENDING: Final = "SENDING"
MAIL_SENT: Final = "SENT"
MAIL_REJECTED: Final = "REJECTED"
MAIL_UNKNOWN: Final = "UNKNOWN"
MAIL_DELIVERED: Final = "DELIVERED"
MAIL_BOUNCED: Final = "BOUNCED"
MAIL_COMPLAINED: Final = "COMPLAINED"

# The statuses that may follow each status of a mail: forward only, as SES's events come late, twice and in any order.
# A person may have another mail sent whatever it says, and nobody else one that SES took and then rejected.
MAIL_FOLLOWED_BY: Final[Mapping[str | None, frozenset[str]]] = {
    None: frozenset({MAIL_SENDING}),
    MAIL_PENDING: frozenset({MAIL_SENDING}),
    MAIL_REJECTED: frozenset({MAIL_SENDING}),
    MAIL_SENDING: frozenset(
        {MAIL_PENDING, MAIL_REJECTED, MAIL_UNKNOWN, MAIL_SENT, MAIL_DELIVERED, MAIL_BOUNCED, MAIL_COMPLAINED}
    ),
    MAIL_UNKNOWN: frozenset({MAIL_REJECTED, MAIL_SENT, MAIL_DELIVERED, MAIL_BOUNCED, MAIL_COMPLAINED}),
    MAIL_SENT: frozenset({MAIL_REJECTED, MAIL_DELIVERED, MAIL_BOUNCED, MAIL_COMPLAINED}),
    MAIL_DELIVERED: frozenset({MAIL_BOUNCED, MAIL_COMPLAINED}),
    MAIL_BOUNCED: frozenset({MAIL_COMPLAINED}),
    MAIL_COMPLAINED: frozenset(),
}
# A mail in one of these has left, and no other may follow it.
MAIL_LEFT: Final = frozenset({MAIL_SENT, MAIL_DELIVERED, MAIL_BOUNCED, MAIL_COMPLAINED})
# And while it says one of these, certainly none has: it may be tried.
MAIL_NOT_LEFT: Final = frozenset(status for status, after in MAIL_FOLLOWED_BY.items() if MAIL_SENDING in after)

# DynamoDB's attribute values, as the low-level client takes them: {"S": "text"}, {"N": "1"}, …
Value = dict[str, Any]

# Under this condition an attempt may open an order, or close it as failed: the row was never processed, or an earlier
# attempt is over, or was cut off (PROCESSING means that nothing is held, so the next attempt may take it over).
# `not_settled_values` has its values.
NOT_SETTLED: Final = (
    "attribute_not_exists(#status)"
    " OR (#status = :processing AND attempt <= :attempt)"
    " OR (#status = :failed AND attempt < :attempt)"
)

LONGEST_REASON: Final = 500  # characters: a row of up to 1 KB costs one write unit


@dataclass(frozen=True, slots=True)
class MailTry:
    """The last try of a mail, as its order's row has it; both are None before the first."""

    status: str | None = None
    claim: str | None = None

    @property
    def may_have_left(self) -> bool:
        """Whether its mail is out, or may be."""
        return self.status not in MAIL_NOT_LEFT


@dataclass(frozen=True, slots=True)
class Row:
    """An order's row as a step reads it, which writes no other: an odd one is an error.

    `status` and `attempt` are None on a row that was never processed. One that was cancelled before it was placed has
    no attempt, address or lines.
    """

    order_id: str
    status: str | None = None
    attempt: int | None = None
    customer_email: str | None = None
    lines: tuple[Line, ...] = ()
    email_status: str | None = None
    email_claim: str | None = None
    email_message_id: str | None = None
    email_earlier: str | None = None  # what was known of a mail that left, or may have, before another was sent by hand

    @classmethod
    def from_item(cls, item: Any) -> Self:
        """Read a row as DynamoDB returns it: attribute names to attribute values."""
        attempt = _read_text(item, "attempt", "N")
        return cls(
            order_id=item["order_id"]["S"],
            status=_read_text(item, "status"),
            attempt=int(attempt) if attempt else None,
            customer_email=_read_text(item, "customer_email"),
            lines=tuple(
                Line(line["M"]["item_id"]["S"], int(line["M"]["quantity"]["N"]))
                for line in item.get("items", {}).get("L", ())
            ),
            email_status=_read_text(item, "email_status"),
            email_claim=_read_text(item, "email_claim"),
            email_message_id=_read_text(item, "email_message_id"),
            email_earlier=_read_text(item, "email_earlier"),
        )

    @property
    def held(self) -> tuple[Line, ...]:
        """The lines that it holds of the stock: all of them while it is CONFIRMED, otherwise none."""
        return self.lines if self.status == CONFIRMED else ()

    @property
    def mail_may_be_tried_again(self) -> bool:
        """Whether another try may be made without a person: none is out, and SES refused the last before it had it."""
        refused = self.email_status in (MAIL_PENDING, MAIL_REJECTED) and self.email_earlier is None
        return self.status == CONFIRMED and refused and not self.mail_was_kept

    @property
    def mail_was_kept(self) -> bool:
        """Whether SES took its mail and then rejected it: only what SES has taken has an id."""
        return self.email_status == MAIL_REJECTED and self.email_message_id is not None

    @property
    def mail_try(self) -> MailTry:
        """The last try of its mail."""
        return MailTry(self.email_status, self.email_claim)

    def is_at(self, status: str, attempt: int) -> bool:
        """Tell whether a write of this attempt has put the row into this status already."""
        return (self.status, self.attempt) == (status, attempt)


def mail_follows(status: str) -> tuple[str, ...]:
    """Give the statuses that a mail may have had before this one."""
    return tuple(before for before, after in MAIL_FOLLOWED_BY.items() if before and status in after)


def why_not_open(order_id: str, row: Row | None) -> Exception:
    """Say, as the error the workflow branches on, why an order is not open for this attempt."""
    if row is None:  # UpdateOrder had written it: somebody has deleted it, and this attempt cannot go on
        return OrderAlreadyFailed(f"order {order_id!r} has no row")
    state = f"order {order_id!r} is {row.status}" + (f" by attempt {row.attempt}" if row.attempt else "")
    if row.status == CONFIRMED:
        return OrderAlreadyConfirmed(state)
    if row.status in (REJECTED, CANCELLED):
        return OrderClosed(state)
    return OrderAlreadyFailed(state)


def make_key(order_id: str) -> dict[str, Value]:
    """Give the orders table's key."""
    return {"order_id": {"S": order_id}}


def not_settled_values(attempt: int) -> dict[str, Value]:
    """Give the values of `NOT_SETTLED`: `:processing`, `:failed` and `:attempt`."""
    return {
        ":processing": text_value(PROCESSING),
        ":failed": text_value(FAILED),
        ":attempt": number_value(attempt),
    }


def content_values(order: Order) -> dict[str, Value]:
    """Give the order's content as expression values: `:email` and `:items`."""
    lines = [{"M": {"item_id": {"S": line.item_id}, "quantity": number_value(line.quantity)}} for line in order.lines]
    return {":email": {"S": order.customer_email}, ":items": {"L": lines}}


def closing(reason: str) -> dict[str, Value]:
    """Give why and when an order is closed as expression values: `:reason` and `:now`."""
    return {":reason": text_value(reason[:LONGEST_REASON]), ":now": now_value()}


def number_value(value: int) -> Value:
    """Give a number as DynamoDB takes it."""
    return {"N": str(value)}


def text_value(value: str) -> Value:
    """Give a text as DynamoDB takes it."""
    return {"S": value}


def now_value() -> Value:
    """Give this moment, UTC, ISO 8601 to the millisecond."""
    return {"S": datetime.now(UTC).isoformat(timespec="milliseconds")}


def _read_text(item: Any, name: str, kind: str = "S") -> str | None:
    value: str | None = item.get(name, {}).get(kind)
    return value
