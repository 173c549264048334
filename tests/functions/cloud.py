"""The tables, the queue and the state machine, as an operator would look at them and lay them out."""

import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

import botocore.session
from boto3.dynamodb.types import TypeSerializer

from functions.shared.order import Line, Order
from ops.dead_letters.dead_letter import DeadLetter
from ops.local_aws import REGION
from tests.functions.builders import ORDER
from tools.insides import memory
from tools.insides.memory import ACCOUNT

SENDER = "orders@example.com"
ORDERS, INVENTORY = "orders-table", "inventory-table"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@cache
def operator(service: str) -> Any:
    """A client of the test's own, past the wire."""
    return botocore.session.Session().create_client(
        service, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
    )


class Cloud:
    """One account's tables; `with_queue` and `with_state_machine` add the rest where a test needs it."""

    queue_url = ""
    state_machine_arn = ""

    def __init__(self) -> None:
        """Make the tables, which `empty` then clears for each test."""
        for table, key in ((ORDERS, "order_id"), (INVENTORY, "item_id")):
            operator("dynamodb").create_table(
                TableName=table,
                KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )

    def empty(self) -> None:
        memory.clear_tables()
        memory.reset_services()

    # ------------------------------------------------------------------------------------------------ orders

    def put_order(self, status: str | None = None, attempt: int | None = None, **attributes: Any) -> None:
        """Write the row of `ORDER`; what is None is absent."""
        row = {
            "order_id": ORDER.order_id,
            "customer_email": ORDER.customer_email,
            "items": as_items(ORDER.lines),
            "status": status,
            "attempt": attempt,
        } | attributes
        serialize = TypeSerializer().serialize
        item = {name: serialize(value) for name, value in row.items() if value is not None}
        memory.put_row(ORDERS, item)

    def order(self, order_id: str = ORDER.order_id) -> dict[str, Any] | None:
        return _row(ORDERS, order_id=order_id)

    def status(self) -> tuple[str | None, int | None] | None:
        """The status and the attempt of `ORDER`'s row, None without a row."""
        row = self.order()
        return None if row is None else (row.get("status"), row.get("attempt"))

    def email(self) -> str | None:
        row = self.order()
        return row.get("email_status") if row else None

    # ------------------------------------------------------------------------------------------------ stock

    def put_stock(self, **available: int) -> None:
        for item_id, count in available.items():
            self.put_stock_row(item_id, {"N": str(count)})

    def put_stock_row(self, item_id: str, available: dict[str, str] | None) -> None:
        row = {"item_id": {"S": item_id}} | ({"available": available} if available else {})
        memory.put_row(INVENTORY, row)

    def available(self, *item_ids: str) -> tuple[int | None, ...]:
        rows = [_row(INVENTORY, item_id=item_id) for item_id in item_ids]
        return tuple(row["available"] if row else None for row in rows)

    # ------------------------------------------------------------------------------------------------ mails

    def verify_sender(self) -> None:
        operator("sesv2").create_email_identity(EmailIdentity=SENDER)

    def mails(self) -> list[Any]:
        """The mails that SES has accepted."""
        return memory.read_mails()

    # ------------------------------------------------------------------------------------------------ dead letters

    def with_queue(self) -> None:
        self.queue_url = operator("sqs").create_queue(QueueName="dead-letters")["QueueUrl"]

    def dead_letters(self) -> list[DeadLetter]:
        answer = operator("sqs").receive_message(
            QueueUrl=self.queue_url, MaxNumberOfMessages=10, VisibilityTimeout=0, MessageAttributeNames=["All"]
        )
        return [DeadLetter.from_message("orders", message) for message in answer.get("Messages", ())]

    # ------------------------------------------------------------------------------------------------ executions

    def with_state_machine(self) -> None:
        """A machine whose executions run until a test ends them."""
        self.state_machine_arn = operator("stepfunctions").create_state_machine(
            name="orders",
            roleArn=f"arn:aws:iam::{ACCOUNT}:role/orders",
            definition=json.dumps({"StartAt": "Only", "States": {"Only": {"Type": "Succeed"}}}),
        )["stateMachineArn"]

    def executions(self) -> dict[str, str]:
        """The executions' inputs by their names."""
        return {execution.name: execution.execution_input for execution in memory.list_executions()}

    def end(self, name: str, status: str) -> None:
        self._execution(name).status = status

    def started_long_ago(self, name: str) -> None:
        self._execution(name).start_date = LONG_AGO

    def _execution(self, name: str) -> Any:
        return next(execution for execution in memory.list_executions() if execution.name == name)


def as_items(lines: tuple[Line, ...]) -> list[dict[str, Any]]:
    return [{"item_id": line.item_id, "quantity": line.quantity} for line in lines]


def order_of(*lines: tuple[str, int]) -> Order:
    """`ORDER` with other lines."""
    return Order(ORDER.order_id, ORDER.customer_email, tuple(Line(*line) for line in lines))


def _row(table: str, **key: str) -> dict[str, Any] | None:
    row = memory.read_row(table, {name: {"S": value} for name, value in key.items()})
    return None if row is None else {name: _plain(value) for name, value in row.items()}


def _plain(attribute: dict[str, Any]) -> Any:
    """DynamoDB's attribute value as Python's own; all numbers of these tables are whole."""
    match attribute:
        case {"L": parts}:
            return [_plain(part) for part in parts]
        case {"M": parts}:
            return {name: _plain(part) for name, part in parts.items()}
        case {"N": number}:
            return int(number)
        case _:
            (value,) = attribute.values()
            return value
