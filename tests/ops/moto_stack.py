"""A stack whose tables and queues are moto's: for what an operator's modules read and write through AWS's own APIs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import boto3
from moto import mock_aws

from ops.stack import Stack
from tests.ops.states import MACHINE, States

QUEUES = ("OrderQueueUrl", "OrderDlqUrl", "ReleaseDlqUrl", "MailEventQueueUrl", "MailEventDlqUrl")
TABLES = {
    "OrdersTableName": {"order_id": "S"},
    "InventoryTableName": {"item_id": "S"},
    "StockMovementsTableName": {"item_id": "S", "number": "N"},
}
_KINDS = ("HASH", "RANGE")


@cache
def _client(service: str, region: str) -> Any:
    """A client outlives the test that made it: making one takes longer than most tests."""
    return boto3.client(  # type: ignore[call-overload]  # any service
        service, region_name=region, aws_access_key_id="test", aws_secret_access_key="test"
    )


@dataclass(frozen=True)
class _Moto:
    region: str

    def client(self, service: str) -> Any:
        return _client(service, self.region)


@contextmanager
def moto_stack(
    *, queues: bool = False, tables: bool = False, states: States | None = None, region: str = "us-west-2"
) -> Iterator[Stack]:
    """Give a stack with what is asked for, under its outputs' own names; `states` is its Step Functions.

    Several at once stand in several regions.
    """
    with mock_aws():
        stack = Stack("order-processing-test", region, _Moto(region), {})
        outputs = {"SenderEmail": "orders@example.com"}
        if queues:
            outputs |= {name: stack.client("sqs").create_queue(QueueName=name)["QueueUrl"] for name in QUEUES}
        if tables:
            outputs |= {name: _table(stack, name, key) for name, key in TABLES.items()}
        if states:
            outputs |= {"StateMachineArn": MACHINE}
        yield Stack(stack.name, stack.region, stack.aws, outputs, {"stepfunctions": states} if states else {})


def with_topic(stack: Stack) -> Stack:
    """Give it a topic, which delivers to the order queue as the stack's does."""
    topic = stack.client("sns").create_topic(Name="orders")["TopicArn"]
    queue = stack.client("sqs").get_queue_attributes(QueueUrl=stack["OrderQueueUrl"], AttributeNames=["QueueArn"])
    arn, raw = queue["Attributes"]["QueueArn"], {"RawMessageDelivery": "true"}
    stack.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=raw)
    return replace(stack, outputs={**stack.outputs, "OrderTopicArn": topic})


def put(stack: Stack, table: str, **attributes: Any) -> None:
    """Put a row of DynamoDB's own values into the table of that output."""
    stack.client("dynamodb").put_item(TableName=stack[table], Item=attributes)


def rows(stack: Stack, table: str) -> list[dict[str, Any]]:
    """Give a table's rows, in DynamoDB's own values."""
    found: list[dict[str, Any]] = stack.client("dynamodb").scan(TableName=stack[table])["Items"]
    return found


def _table(stack: Stack, name: str, key: dict[str, str]) -> str:
    dynamodb: Any = stack.client("dynamodb")
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": part, "KeyType": kind} for part, kind in zip(key, _KINDS, strict=False)],
        AttributeDefinitions=[{"AttributeName": part, "AttributeType": kind} for part, kind in key.items()],
        BillingMode="PAY_PER_REQUEST",
    )
    return name
