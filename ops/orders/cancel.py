"""Cancels an order: closes it permanently and gives back its stock, unless its customer may have been notified.

Every write has a condition on what was read, so a reservation, a release or a mail under way either comes first, and
is seen, or comes later, and changes nothing.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from functions.shared import row
from functions.shared.aws import ConditionFailed, TransactionCancelled, call_aws
from functions.shared.give_back import Confirmed, give_back
from functions.shared.order import Line
from ops.errors import Refused
from ops.stack import Stack
from ops.tables.attributes import in_words
from ops.tables.conditional import ChangedMeanwhile, until_written
from ops.tables.order_row import OrderRow

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# An order under way changes a few times in a second, and then stays as it is.
_TRIES: Final = 5
# The attributes that giving back depends on; other odd attributes do not matter here.
_GOES_BY: Final = frozenset({"items", "email_status"})
_TOO_LATE: Final[Mapping[str | None, str]] = {
    row.MAIL_SENDING: "its mail may be leaving now; look again in a minute",
    row.MAIL_UNKNOWN: "its mail may have left, so the customer may count on it",
}
_TOLD: Final = "the customer has been notified; record returned goods with `orders stock add`"


@dataclass(frozen=True)
class Cancellation:
    """The result of cancelling: lines `given_back` to the stock, or nothing, if it was CANCELLED `already`."""

    given_back: tuple[Line, ...] = ()
    already: bool = False


class CancelStore:
    """Both tables, as cancelling writes them; a refused write raises `ConditionFailed` or `TransactionCancelled`."""

    def __init__(self, dynamodb: "DynamoDBClient", *, orders: str, inventory: str) -> None:
        self._dynamodb = dynamodb
        self._orders = orders
        self._inventory = inventory

    @classmethod
    def of(cls, stack: Stack) -> Self:
        """Give the tables of a deployed stack."""
        return cls(stack.client("dynamodb"), orders=stack["OrdersTableName"], inventory=stack["InventoryTableName"])

    def close(self, order_id: str, reason: str) -> None:
        """Write CANCELLED on an order that holds nothing, also where there is no row and a message may still come."""
        call_aws(
            self._dynamodb.update_item,
            TableName=self._orders,
            Key=row.make_key(order_id),
            UpdateExpression="SET #status = :cancelled, status_reason = :reason, updated_at = :now,"
            " created_at = if_not_exists(created_at, :now)",
            ConditionExpression="attribute_not_exists(#status) OR #status IN (:processing, :failed)",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={
                **row.closing(reason),
                ":cancelled": row.text_value(row.CANCELLED),
                ":processing": row.text_value(row.PROCESSING),
                ":failed": row.text_value(row.FAILED),
            },
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )

    def give_back(self, found: OrderRow, reason: str) -> tuple[Line, ...]:
        """CONFIRMED→CANCELLED and `available += quantity` of every item, if the row still is as it was found."""
        pieces = _sum_pieces(found)
        give_back(
            self._dynamodb,
            Confirmed(found.order_id, pieces, found.attempt, found.email_status),
            orders=self._orders,
            inventory=self._inventory,
            becomes=row.CANCELLED,
            reason=reason,
        )
        return pieces


def cancel_order(store: CancelStore, order_id: str, reason: str) -> Cancellation:
    """Cancel an order that may still be cancelled; one that nobody has placed yet is closed before it comes.

    Raises:
        Refused: the customer was or may be notified, or it is REJECTED; or its row or an item's is odd; or it kept
            moving.
        TransientError: DynamoDB is out of reach or throttles; cancelling again is safe.
    """

    def write() -> Cancellation:
        try:
            store.close(order_id, reason)
        except ConditionFailed as found:
            if found.item is None:
                raise ChangedMeanwhile from found
            return _give_back(store, OrderRow.from_item(found.item), reason)
        return Cancellation()

    return until_written(order_id, write, tries=_TRIES)


def _give_back(store: CancelStore, found: OrderRow, reason: str) -> Cancellation:
    """Decide by the row that was found."""
    if found.status == row.CANCELLED:
        return Cancellation(already=True)
    if refusal := why_not(found):
        raise Refused(refusal)
    try:
        return Cancellation(given_back=store.give_back(found, reason))
    except TransactionCancelled as cancelled:
        if cancelled.is_transient:
            raise
        if cancelled.reasons[0].condition_failed:
            raise ChangedMeanwhile from cancelled
        raise Refused(
            f"{found.order_id}: {_why_not_given_back(found, cancelled)}; nothing was cancelled"
        ) from cancelled


def _why_not_given_back(found: OrderRow, cancelled: TransactionCancelled) -> str:
    """Name the items whose rows DynamoDB could not add to, with its own reasons."""
    refused = zip(_sum_pieces(found), cancelled.reasons[1:], strict=False)
    items = ", ".join(f"{line.item_id} ({reason})" for line, reason in refused if reason.code)
    return f"nothing can be given back to {items}; count it, and `orders stock set` puts its row right"


def _sum_pieces(found: OrderRow) -> tuple[Line, ...]:
    """Add up the lines of each item: a transaction writes a row once."""
    pieces = Counter[str]()
    for line in found.lines:
        pieces[line.item_id] += line.quantity
    return tuple(Line(item_id, quantity) for item_id, quantity in pieces.items())


def why_not(found: OrderRow) -> str | None:
    """Say why an order cannot be cancelled; None if it can, or is."""
    order_id, status, mail = found.order_id, found.status, found.email_status
    if status == row.REJECTED:
        return f"{order_id}: it is REJECTED, so it is closed already and holds nothing"
    if status != row.CONFIRMED:
        known = (None, row.PROCESSING, row.FAILED, row.CANCELLED)
        return None if status in known else f"{order_id}: its status {status!r} is none that the workflow writes"
    if odd := tuple(problem for problem in found.problems if problem.attribute in _GOES_BY):
        return f"{order_id}: its row is odd: {in_words(odd)}; correct it first"
    if mail in row.MAIL_NOT_LEFT:
        earlier = found.email_earlier
        return f"{order_id}: too late: its mail was {earlier} before another was tried: {_TOLD}" if earlier else None
    return f"{order_id}: too late: its mail is {mail}: {_TOO_LATE.get(mail, _TOLD)}"
