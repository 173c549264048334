"""An order as an operator sees it: its row, and every execution that has worked on it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from functions.shared import row
from functions.shared.row import make_key, text_value
from ops.orders.execution import Attempt
from ops.orders.executions import Executions
from ops.orders.pace import Pace
from ops.stack import Stack
from ops.tables.order_row import OrderRow
from ops.tables.scan import read_by_keys

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_stepfunctions import SFNClient


@dataclass(frozen=True)
class Filter:
    """A choice of orders; a field that is None allows all.

    `since` (included) and `before` (not included) limit the row's last change, `updated_at`. A row without
    `updated_at`, written by hand, fits neither.
    """

    status: str | None = None
    mail: str | None = None
    since: datetime | None = None
    before: datetime | None = None

    def parameters(self) -> dict[str, Any]:
        """Give the parameters of the Scan."""
        asked = [
            ("#status", "status", "=", self.status),
            ("#mail", "email_status", "=", self.mail),
            ("#changed", "updated_at", ">=", _format_iso(self.since)),
            ("#changed", "updated_at", "<", _format_iso(self.before)),
        ]
        wanted = [(name, attribute, sign, value) for name, attribute, sign, value in asked if value is not None]
        if not wanted:
            return {}
        return {
            "FilterExpression": " AND ".join(f"{name} {sign} :{n}" for n, (name, _, sign, _) in enumerate(wanted)),
            "ExpressionAttributeNames": {name: attribute for name, attribute, _, _ in wanted},
            "ExpressionAttributeValues": {f":{n}": text_value(value) for n, (_, _, _, value) in enumerate(wanted)},
        }


class Orders(Executions):
    """The orders' rows and executions, as an operator reads them."""

    def __init__(
        self, dynamodb: "DynamoDBClient", states: "SFNClient", *, table: str, machine: str, pace: Pace | None = None
    ) -> None:
        super().__init__(states, machine=machine, pace=pace)
        self._dynamodb = dynamodb
        self._table = table

    @classmethod
    def of(cls, stack: Stack, pace: Pace | None = None) -> Self:
        """Give the orders of a deployed stack; what asks again and again gives a `pace` for Step Functions."""
        return cls(
            stack.client("dynamodb"),
            stack.client("stepfunctions"),
            table=stack["OrdersTableName"],
            machine=stack["StateMachineArn"],
            pace=pace,
        )

    def row(self, order_id: str) -> OrderRow | None:
        """Return an order's row; None if there is none."""
        answer = self._dynamodb.get_item(TableName=self._table, Key=make_key(order_id), ConsistentRead=True)
        return OrderRow.from_item(answer["Item"]) if "Item" in answer else None

    def rows_of(self, order_ids: Sequence[str]) -> dict[str, OrderRow]:
        """Return the rows of these orders, as far as there are any."""
        rows = map(OrderRow.from_item, read_by_keys(self._dynamodb, self._table, "order_id", order_ids))
        return {order.order_id: order for order in rows}

    def scan(self, wanted: dict[str, Any], tell: Callable[[int], None] = lambda _read: None) -> Iterator[OrderRow]:
        """Yield the rows that a Scan with these parameters finds; `tell` hears how many it has read so far."""
        read = 0
        pages = self._dynamodb.get_paginator("scan").paginate(TableName=self._table, ConsistentRead=True, **wanted)
        for page in pages:
            read += page["ScannedCount"]
            tell(read)
            yield from map(OrderRow.from_item, page["Items"])


def is_explained(order: OrderRow | None, latest: Attempt | None) -> bool:
    """Whether its row and its last execution account for an order, so that no dead letter could add to it.

    A CONFIRMED one whose mail has not left may wait for a release or for an event of the mail.
    """
    if latest and latest.is_running:
        return True
    if order is None or order.status not in (row.CONFIRMED, row.REJECTED, row.FAILED, row.CANCELLED):
        return False
    return order.status != row.CONFIRMED or order.email_status in {*row.MAIL_LEFT, row.MAIL_REJECTED}


def _format_iso(moment: datetime | None) -> str | None:
    """Write a moment as the rows do, so that the texts compare as the moments do."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds") if moment else None
