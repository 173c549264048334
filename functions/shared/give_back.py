"""Gives stock back, in the same transaction that takes its order out of CONFIRMED."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from functions.shared import row
from functions.shared.aws import call_aws
from functions.shared.order import Line

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import UpdateTypeDef


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A CONFIRMED order as it has to be for its stock to go back: this attempt's, with its mail still at this status.

    `attempt` is None where the row does not tell it. `pieces` are what it holds, each item once.
    """

    order_id: str
    pieces: Sequence[Line]
    attempt: int | None
    mail: str | None


def give_back(
    dynamodb: "DynamoDBClient", order: Confirmed, *, orders: str, inventory: str, becomes: str, reason: str
) -> None:
    """CONFIRMED→`becomes` and `available += quantity` of each item, all or nothing.

    Raises:
        TransactionCancelled: its reasons are the order's and then one for each of the pieces, in their order.
        TransientError: DynamoDB is out of reach or throttles.
    """
    updates = [_close(orders, order, becomes, reason), *(_add(inventory, line) for line in order.pieces)]
    call_aws(dynamodb.transact_write_items, TransactItems=[{"Update": update} for update in updates])


def _close(table: str, order: Confirmed, becomes: str, reason: str) -> "UpdateTypeDef":
    conditions = ["#status = :confirmed", "attribute_not_exists(email_earlier)"]
    values = {":confirmed": row.text_value(row.CONFIRMED), ":becomes": row.text_value(becomes), **row.closing(reason)}
    if order.mail is None:
        conditions.append("attribute_not_exists(email_status)")
    else:
        conditions.append("email_status = :mail")
        values[":mail"] = row.text_value(order.mail)
    if order.attempt is not None:
        conditions.append("attempt = :attempt")
        values[":attempt"] = row.number_value(order.attempt)
    return {
        "TableName": table,
        "Key": row.make_key(order.order_id),
        "UpdateExpression": "SET #status = :becomes, status_reason = :reason, updated_at = :now",
        "ConditionExpression": " AND ".join(conditions),
        "ExpressionAttributeNames": {"#status": "status"},
        "ExpressionAttributeValues": values,
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _add(table: str, line: Line) -> "UpdateTypeDef":
    return {
        "TableName": table,
        "Key": {"item_id": row.text_value(line.item_id)},
        "UpdateExpression": "ADD available :quantity",
        "ExpressionAttributeValues": {":quantity": row.number_value(line.quantity)},
    }
