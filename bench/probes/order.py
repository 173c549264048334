"""Run in a process of its own: take orders through the real handlers and the real state machine, and count.

The services are moto's, in this process; its interpreter of the Amazon States Language runs the workflow, and what
would be a call to Lambda is a call of the handler here. Arguments: the numbers of items. Prints JSON, a list.
"""

import importlib
import io
import json
import re
import sys
import threading
import time
import uuid
from types import SimpleNamespace
from typing import Any

import boto3
from moto import mock_aws

from bench.handlers import (
    ENVIRONMENT,
    HANDLERS,
    MAIL_EVENTS,
    TRACKER,
    OrderHandler,
    mail_event,
    make_event,
    make_order,
)
from bench.write_units import item_size, list_written_rows, write_units
from infra.paths import DEFINITION
from ops.local_aws import ACCOUNT, REGION
from tools.insides.calls import calls_made_by, make_call
from tools.insides.interpreter import tasks_answered_by

LONGEST_RUN = 60  # seconds
results, log = sys.stdout, io.StringIO()
sys.stdout = log  # before the functions' logger is made: what they print is what they log


class Counter:
    """Counts what an order's handlers do; a call is a handler's if its thread is in one."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.units = 0
        self.invocations = 0
        self.largest_row = 0
        self._thread = threading.local()

    def invoke(self, handler: OrderHandler, payload: Any) -> Any:
        """Invoke a handler as Lambda would."""
        self.invocations += 1
        function = getattr(importlib.import_module(handler.module), handler.name)
        context = SimpleNamespace(
            function_name=handler.name,
            memory_limit_in_mb=256,
            invoked_function_arn=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{handler.name}",
            aws_request_id=str(uuid.uuid4()),
            get_remaining_time_in_millis=lambda: 30_000,
        )
        self._thread.in_handler = True
        try:
            return function(payload, context)
        finally:
            self._thread.in_handler = False

    def call(self, client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        """Make a call; one of a handler is counted, and the rows it writes are weighed before and after."""
        if not getattr(self._thread, "in_handler", False):
            return make_call(client, operation, parameters)
        service = client.meta.service_model.service_name
        self.calls.append(f"{service}:{operation}")
        if service != "dynamodb":
            return make_call(client, operation, parameters)
        keys = list_written_rows(operation, parameters)
        before = [self._read_row(client, *key) for key in keys]
        try:
            return make_call(client, operation, parameters)
        finally:  # a refused conditional write is paid for as well
            after = [self._read_row(client, *key) for key in keys]
            self.units += write_units(operation, before, after)
            self.largest_row = max(self.largest_row, *(item_size(row or {}) for row in after))

    def _read_row(self, client: Any, table: str, key: dict[str, Any]) -> dict[str, Any] | None:
        row: dict[str, Any] | None = make_call(client, "GetItem", {"TableName": table, "Key": key}).get("Item")
        return row


def prepare_aws() -> str:
    """Make the tables, the stock, the verified sender and the state machine; give its ARN."""
    dynamodb = boto3.client("dynamodb")
    for table, key in ((ENVIRONMENT["ORDERS_TABLE"], "order_id"), (ENVIRONMENT["INVENTORY_TABLE"], "item_id")):
        dynamodb.create_table(
            TableName=table,
            KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
    for line in make_order(99)["items"]:
        item = {"item_id": {"S": line["item_id"]}, "available": {"N": "1000000"}}
        dynamodb.put_item(TableName=ENVIRONMENT["INVENTORY_TABLE"], Item=item)
    boto3.client("sesv2").create_email_identity(EmailIdentity=ENVIRONMENT["SENDER_EMAIL"])
    definition = re.sub(
        r"\$\{(\w+)\}", rf"arn:aws:lambda:{REGION}:{ACCOUNT}:function:\1", DEFINITION.read_text("utf-8")
    )
    created = boto3.client("stepfunctions").create_state_machine(
        name="order-processing", definition=definition, roleArn=f"arn:aws:iam::{ACCOUNT}:role/states"
    )
    arn: str = created["stateMachineArn"]
    return arn


def process_order(items: int, machine: str) -> dict[str, Any]:
    """Take one order from its message in the queue to the end of its execution."""
    counter, message = Counter(), make_order(items)
    steps = {handler.state: handler for handler in HANDLERS}

    def invoke(parameters: dict[str, Any]) -> dict[str, Any]:
        payload = json.loads(parameters["Payload"])
        return {"StatusCode": 200, "Payload": counter.invoke(steps[payload["state"]], payload)}

    def counted(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        tags.update({tag["Name"]: [tag["Value"]] for tag in parameters.get("EmailTags", ())})
        return counter.call(client, operation, parameters)

    log.seek(log.truncate(0))
    tags: dict[str, list[str]] = {}
    with calls_made_by(counted), tasks_answered_by(invoke):
        counter.invoke(steps[None], make_event(steps[None], message))
        history = wait_for_history(machine.replace(":stateMachine:", ":execution:") + f":{message['order_id']}")
    log_lines = log.getvalue().splitlines()
    told = deliver_mail_events(tags)
    return {
        "items": items,
        "states": [e["stateEnteredEventDetails"]["name"] for e in history if e["type"].endswith("StateEntered")],
        "calls": counter.calls,
        "write_units": counter.units,
        "largest_row": max(counter.largest_row, told.pop("largest_row")),
        "invocations": counter.invocations,
        "log_lines": log_lines,
        "history": json.loads(json.dumps(history, default=str)),
        "told": told,
    }


def deliver_mail_events(tags: dict[str, list[str]]) -> dict[str, Any]:
    """Hand out the events of the mail with these tags, each alone in its batch."""
    counter = Counter()

    def counted(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        return counter.call(client, operation, parameters)

    log.seek(log.truncate(0))
    with calls_made_by(counted):
        for kind in MAIL_EVENTS:
            counter.invoke(TRACKER, mail_event(kind, tags))
    return {
        "events": counter.invocations,
        "calls": counter.calls,
        "write_units": counter.units,
        "log_lines": log.getvalue().splitlines(),
        "largest_row": counter.largest_row,
    }


def wait_for_history(execution: str) -> list[Any]:
    """Wait for the end of an execution and give its history."""
    states, deadline = boto3.client("stepfunctions"), time.monotonic() + LONGEST_RUN
    while (end := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
        if time.monotonic() > deadline:
            raise TimeoutError(f"{execution} does not end")
        time.sleep(0.05)
    if end["status"] != "SUCCEEDED":
        raise RuntimeError(f"{execution} ended as {end['status']}: {end.get('error')}: {end.get('cause')}")
    events: list[Any] = states.get_execution_history(executionArn=execution)["events"]
    return events


with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
    state_machine = prepare_aws()
    counts = [process_order(int(items), state_machine) for items in sys.argv[1:]]
results.write(json.dumps(counts))
