"""Rows of a stack's tables as DynamoDB returns them, always as they are at the moment, a page or a batch at a time."""

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from functions.shared.row import CONFIRMED, text_value
from ops.tables.attributes import Item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_A_BATCH: Final = 100  # keys that BatchGetItem takes
_PAUSE: Final = 0.2  # seconds before what DynamoDB did not get to is asked for again


def read_all(dynamodb: "DynamoDBClient", table: str, **narrowed: Any) -> Iterator[Item]:
    """Read a table whole."""
    for page in dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True, **narrowed):
        yield from page["Items"]


def read_by_keys(dynamodb: "DynamoDBClient", table: str, key: str, values: Iterable[str]) -> Iterator[Item]:
    """Read the rows there are of these keys, each named once; in no order."""
    wanted: list[Item] = [{key: text_value(value)} for value in values]
    while wanted:
        batch, wanted = wanted[:_A_BATCH], wanted[_A_BATCH:]
        answer = dynamodb.batch_get_item(RequestItems={table: {"Keys": batch, "ConsistentRead": True}})
        yield from answer["Responses"].get(table, ())
        if unprocessed := answer.get("UnprocessedKeys", {}).get(table):
            wanted += unprocessed["Keys"]
            time.sleep(_PAUSE)


def read_confirmed(dynamodb: "DynamoDBClient", table: str) -> Iterator[Item]:
    """Read all orders that hold stock, and of each no more than what it holds."""
    return read_all(
        dynamodb,
        table,
        FilterExpression="#status = :confirmed",
        ProjectionExpression="order_id, #status, attempt, #items",
        ExpressionAttributeNames={"#status": "status", "#items": "items"},
        ExpressionAttributeValues={":confirmed": text_value(CONFIRMED)},
    )


def read_movements(dynamodb: "DynamoDBClient", table: str, item_id: str) -> Iterator[Item]:
    """Read an item's movements, the first first."""
    pages = dynamodb.get_paginator("query").paginate(
        TableName=table,
        KeyConditionExpression="item_id = :item",
        ExpressionAttributeValues={":item": text_value(item_id)},
        ConsistentRead=True,
    )
    for page in pages:
        yield from page["Items"]
