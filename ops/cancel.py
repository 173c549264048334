"""How an order is cancelled: closed for good, and what it holds given back, unless its customer may have been told.

Every write has a condition on what was read, so a reservation, a release or a mail under way either comes first, and
is seen, or comes later, and changes nothing.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from functions.shared import row
from functions.shared.aws import ConditionFailed, TransactionCancelled, call
from functions.shared.order import Line
from ops.errors import Refused
from ops.stack import Stack

# An order under way changes a few times in a second, and then stands still.
_TRIES: Final = 5
_TOO_LATE: Final[Mapping[str | None, str]] = {
    row.MAIL_SENDING: "its mail may be leaving now; look again in a minute",
    row.MAIL_UNKNOWN: "its mail may have left, so the customer may count on it",
}
_TOLD: Final = "its customer was told, and counts on it; what comes back to the shelf is `orders stock add`"


@dataclass(frozen=True)
class Cancellation:
    """What cancelling did: `given_back` to the stock, or nothing to do since it was CANCELLED `already`."""

    given_back: tuple[Line, ...] = ()
    already: bool = False


class CancelStore:
    """Both tables, as cancelling writes them; a refused write raises `ConditionFailed` or `TransactionCancelled`."""

    def __init__(self, dynamodb: Any, *, orders: str, inventory: str) -> None:
        self._dynamodb = dynamodb
        self._orders = orders
        self._inventory = inventory

    @classmethod
    def of(cls, stack: Stack) -> Self:
        """Give the tables of a deployed stack."""
        return cls(stack.client("dynamodb"), orders=stack["OrdersTableName"], inventory=stack["InventoryTableName"])

    def close(self, order_id: str, reason: str) -> None:
        """Write CANCELLED on an order that holds nothing, also where there is no row and a message may still come."""
        call(
            self._dynamodb.update_item,
            TableName=self._orders,
            Key=row.key(order_id),
            UpdateExpression="SET #status = :cancelled, status_reason = :reason, updated_at = :now,"
            " created_at = if_not_exists(created_at, :now)",
            ConditionExpression="attribute_not_exists(#status) OR #status IN (:processing, :failed)",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={
                **_cancelled(reason),
                ":processing": row.text(row.PROCESSING),
                ":failed": row.text(row.FAILED),
            },
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )

    def give_back(self, found: row.Row, reason: str) -> tuple[Line, ...]:
        """CONFIRMED→CANCELLED and `available += quantity` of every item, if the row still is as it was found."""
        pieces = Counter[str]()
        for line in found.lines:
            pieces[line.item_id] += line.quantity
        lines = tuple(Line(item_id, quantity) for item_id, quantity in pieces.items())
        updates = [self._cancel_confirmed(found, reason), *map(self._put_back, lines)]
        call(self._dynamodb.transact_write_items, TransactItems=[{"Update": update} for update in updates])
        return lines

    def _cancel_confirmed(self, found: row.Row, reason: str) -> dict[str, Any]:
        values = {**_cancelled(reason), ":confirmed": row.text(row.CONFIRMED)}
        conditions = ["#status = :confirmed"]
        for attribute, value in (
            ("attempt", row.number(found.attempt) if found.attempt else None),
            ("email_status", row.text(found.email_status) if found.email_status else None),
        ):
            conditions.append(f"{attribute} = :{attribute}" if value else f"attribute_not_exists({attribute})")
            values |= {f":{attribute}": value} if value else {}
        return {
            "TableName": self._orders,
            "Key": row.key(found.order_id),
            "UpdateExpression": "SET #status = :cancelled, status_reason = :reason, updated_at = :now",
            "ConditionExpression": " AND ".join(conditions),
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": values,
        }

    def _put_back(self, line: Line) -> dict[str, Any]:
        return {
            "TableName": self._inventory,
            "Key": {"item_id": row.text(line.item_id)},
            "UpdateExpression": "ADD available :quantity",
            "ExpressionAttributeValues": {":quantity": row.number(line.quantity)},
        }


def cancel(store: CancelStore, order_id: str, reason: str) -> Cancellation:
    """Cancel an order that may still be cancelled; one that nobody has placed yet is closed before it comes.

    Raises:
        Refused: the customer was told, or may have been, or it is REJECTED; or it kept moving.
        TransientError: DynamoDB is out of reach or throttles; cancelling again is safe.
    """
    for _ in range(_TRIES):
        try:
            store.close(order_id, reason)
        except ConditionFailed as found:
            if (done := _otherwise(store, found.row, reason)) is not None:
                return done
        else:
            return Cancellation()
    raise Refused(f"{order_id}: it changed each of the {_TRIES} times it was tried; nothing was cancelled")


def _otherwise(store: CancelStore, found: row.Row | None, reason: str) -> Cancellation | None:
    """Decide by the row that was found; None if it has changed since."""
    if found is None:
        return None
    if found.status == row.CANCELLED:
        return Cancellation(already=True)
    if refusal := why_not(found.order_id, found.status, found.email_status):
        raise Refused(refusal)
    try:
        return Cancellation(given_back=store.give_back(found, reason))
    except TransactionCancelled as cancelled:
        if cancelled.is_transient or cancelled.reasons[0].condition_failed:
            return None
        raise Refused(
            f"{found.order_id}: the stock of one of its items is not a number; `orders check` names it"
        ) from (cancelled)


def why_not(order_id: str, status: str | None, email_status: str | None) -> str | None:
    """Say why an order cannot be cancelled; None if it can, or is."""
    if status == row.REJECTED:
        return f"{order_id}: it is REJECTED, so it is closed already and holds nothing"
    if status != row.CONFIRMED:
        known = (None, row.PROCESSING, row.FAILED, row.CANCELLED)
        return None if status in known else f"{order_id}: its status {status!r} is none that the workflow writes"
    if email_status in row.MAIL_NOT_LEFT:
        return None
    return f"{order_id}: too late: its mail is {email_status}: {_TOO_LATE.get(email_status, _TOLD)}"


def _cancelled(reason: str) -> dict[str, row.Value]:
    return {
        ":cancelled": row.text(row.CANCELLED),
        ":reason": row.text(reason[: row.LONGEST_REASON]),
        ":now": row.now(),
    }
