"""Writes both tables when stock is taken or given back. Stock moves only together with the order's status."""

import os
from functools import cache
from typing import TYPE_CHECKING

from functions.shared import row
from functions.shared.aws import call_aws, make_client
from functions.shared.give_back import Confirmed, give_back
from functions.shared.order import Line, Order

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import UpdateTypeDef

_STATUS = {"#status": "status"}


class InventoryStore:
    """Conditional writes; one that is refused raises `ConditionFailed` or `TransactionCancelled`."""

    def __init__(self, orders_table: str, inventory_table: str) -> None:
        self._orders = orders_table
        self._inventory = inventory_table

    def confirm(self, order: Order, attempt: int) -> None:
        """PROCESSING→CONFIRMED and `available -= quantity` of every item, all or nothing.

        `TransactionCancelled.reasons` are the order's and then one a line, in their order.
        """
        confirmed: UpdateTypeDef = {
            "TableName": self._orders,
            "Key": row.make_key(order.order_id),
            "UpdateExpression": "SET #status = :confirmed, updated_at = :now",
            "ConditionExpression": "#status = :processing AND attempt = :attempt",
            "ExpressionAttributeNames": _STATUS,
            "ExpressionAttributeValues": {
                ":confirmed": row.text_value(row.CONFIRMED),
                ":processing": row.text_value(row.PROCESSING),
                ":attempt": row.number_value(attempt),
                ":now": row.now_value(),
            },
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        updates = [confirmed, *(self._take_stock(line) for line in order.lines)]
        call_aws(make_client("dynamodb").transact_write_items, TransactItems=[{"Update": update} for update in updates])

    def fail_open(self, order: Order, attempt: int, reason: str) -> None:
        """Write FAILED on an order that holds nothing, also where UpdateOrder has not been yet and may still come."""
        call_aws(
            make_client("dynamodb").update_item,
            TableName=self._orders,
            Key=row.make_key(order.order_id),
            UpdateExpression="SET #status = :failed, attempt = :attempt, customer_email = :email, #items = :items,"
            " status_reason = :reason, updated_at = :now, created_at = if_not_exists(created_at, :now)",
            ConditionExpression=row.NOT_SETTLED,
            ExpressionAttributeNames={**_STATUS, "#items": "items"},
            ExpressionAttributeValues={
                **row.not_settled_values(attempt),
                **row.content_values(order),
                **row.closing(reason),
            },
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )

    def fail_confirmed(self, order_id: str, lines: tuple[Line, ...], attempt: int, reason: str) -> None:
        """CONFIRMED→FAILED and `available += quantity` of every item, unless a mail was claimed."""
        give_back(
            make_client("dynamodb"),
            Confirmed(order_id, lines, attempt, mail=None),
            orders=self._orders,
            inventory=self._inventory,
            becomes=row.FAILED,
            reason=reason,
        )

    def _take_stock(self, line: Line) -> "UpdateTypeDef":
        return {
            "TableName": self._inventory,
            "Key": {"item_id": row.text_value(line.item_id)},
            "UpdateExpression": "SET available = available - :quantity",
            "ConditionExpression": "available >= :quantity",
            "ExpressionAttributeValues": {":quantity": row.number_value(line.quantity)},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }


@cache
def open_inventory() -> InventoryStore:
    """Give the tables that the stack names."""
    return InventoryStore(os.environ["ORDERS_TABLE"], os.environ["INVENTORY_TABLE"])
