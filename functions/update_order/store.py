"""Writes to the orders table when an order is opened or rejected."""

import os
from functools import cache

from functions.shared import row
from functions.shared.aws import call_aws, make_client
from functions.shared.order import Order


class OrderStore:
    """Conditional writes on an order's row; a write that is refused raises `ConditionFailed` with the row."""

    def __init__(self, table: str) -> None:
        self._table = table

    def open(self, order: Order, attempt: int) -> None:
        """Write PROCESSING, unless the order is settled or this attempt is over."""
        call_aws(
            make_client("dynamodb").update_item,
            TableName=self._table,
            Key=row.make_key(order.order_id),
            UpdateExpression="SET #status = :processing, attempt = :attempt, customer_email = :email, #items = :items,"
            " updated_at = :now, created_at = if_not_exists(created_at, :now) REMOVE status_reason",
            ConditionExpression=row.NOT_SETTLED,
            ExpressionAttributeNames={"#status": "status", "#items": "items"},
            ExpressionAttributeValues={
                **row.not_settled_values(attempt),
                **row.content_values(order),
                ":now": row.now_value(),
            },
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )

    def reject(self, order_id: str, attempt: int, reason: str) -> None:
        """Write REJECTED on an order that this attempt has open."""
        call_aws(
            make_client("dynamodb").update_item,
            TableName=self._table,
            Key=row.make_key(order_id),
            UpdateExpression="SET #status = :rejected, status_reason = :reason, updated_at = :now",
            ConditionExpression="#status = :processing AND attempt = :attempt",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={
                ":rejected": row.text_value(row.REJECTED),
                ":processing": row.text_value(row.PROCESSING),
                ":attempt": row.number_value(attempt),
                **row.closing(reason),
            },
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )


@cache
def open_order_store() -> OrderStore:
    """Give the table that the stack names."""
    return OrderStore(os.environ["ORDERS_TABLE"])
