"""Run in a fresh, isolated interpreter: time warm invocations of a handler, and of boto3 alone, in turn.

Arguments: the directories to import from, joined by `:`, the handler's module and name, and its event in JSON.
Prints JSON: the median seconds of the handler beyond its own AWS calls, of those calls, and of one UpdateItem.
"""

import importlib
import json
import os
import sys
import time
from typing import Any

directories, module, name, event_json = sys.argv[1:]
sys.path[:0] = directories.split(":")

import boto3  # noqa: E402 only there since the line above
from botocore.client import BaseClient  # noqa: E402

INVOCATIONS, WARM_UP = 400, 50


class Context:
    """What Lambda hands to a handler, as far as Powertools looks at it."""

    function_name = "bench"
    memory_limit_in_mb = 256
    invoked_function_arn = "arn:aws:lambda:us-west-2:000000000000:function:bench"
    aws_request_id = "8b0d1f6e-1e2a-4c8f-9c7e-000000000000"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        """All the time that an invocation may take."""
        return 30_000


in_calls = 0.0
call = BaseClient._make_api_call  # type: ignore[attr-defined]  # private, but the one place all calls pass


def timed_call(*arguments: Any) -> Any:
    """Make an AWS call and add its time to `in_calls`."""
    global in_calls  # noqa: PLW0603 a program of one page
    started = time.perf_counter()
    try:
        return call(*arguments)
    finally:
        in_calls += time.perf_counter() - started


BaseClient._make_api_call = timed_call  # type: ignore[attr-defined]  # as above

results = sys.stdout
sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 the logs, which Lambda reads from a pipe
handler = getattr(importlib.import_module(module), name)
event = json.loads(event_json)
dynamodb = boto3.client("dynamodb")


def invoke() -> tuple[float, float]:
    """Invoke the handler once: the seconds beyond its AWS calls, and those in them."""
    global in_calls
    in_calls, started = 0.0, time.perf_counter()
    handler(event, Context())
    return time.perf_counter() - started - in_calls, in_calls


def update_item() -> float:
    """Make the call that everything here is measured against."""
    started = time.perf_counter()
    dynamodb.update_item(
        TableName="orders",
        Key={"order_id": {"S": "bench"}},
        UpdateExpression="SET #status = :status",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":status": {"S": "PROCESSING"}},
    )
    return time.perf_counter() - started


def median(values: list[float]) -> float:
    """Give the middle value."""
    return sorted(values)[len(values) // 2]


samples = [(*invoke(), update_item()) for _ in range(WARM_UP + INVOCATIONS)][WARM_UP:]
own, calls, stock = (median(list(column)) for column in zip(*samples, strict=True))
results.write(json.dumps({"own": own, "calls": calls, "update_item": stock}))
