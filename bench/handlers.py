"""The Lambda functions an order passes, with what each needs to be imported and invoked outside Lambda."""

import json
from dataclasses import dataclass
from typing import Any

from ops.local_aws import ACCOUNT, REGION

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_SESSION_TOKEN": "bench",
    "CONFIGURATION_SET": "order-processing-prod",
    "INVENTORY_TABLE": "inventory",
    "ORDERS_TABLE": "orders",
    "ORDER_DLQ_URL": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/order-dlq",
    "POWERTOOLS_LOG_LEVEL": "INFO",
    "POWERTOOLS_METRICS_NAMESPACE": "OrderProcessing",
    "POWERTOOLS_SERVICE_NAME": "order-processing-prod",
    "SENDER_EMAIL": "orders@example.com",
    "STATE_MACHINE_ARN": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:order-processing",
}
"""What Lambda and the stack put into a function's environment, of every function together."""


@dataclass(frozen=True, kw_only=True)
class OrderHandler:
    """A handler on an order's happy path, and how much slower than stock its cold import may be."""

    folder: str
    name: str
    cold_bound: float
    state: str | None  # the state that invokes it; None for the starter

    @property
    def module(self) -> str:
        """The module that Lambda imports."""
        return f"functions.{self.folder}.handler"


TRACKER = OrderHandler(folder="track_email", name="track_email", cold_bound=1.0, state=None)
"""Not on the order's path: what SES tells of the mail once the order is done."""

MAIL_EVENTS = ("Email Sent", "Email Delivered")
"""What SES tells of a mail that arrives."""

HANDLERS = (
    OrderHandler(folder="start_workflow", name="start_workflow", cold_bound=1.2, state=None),
    OrderHandler(folder="update_order", name="update_order", cold_bound=1.0, state="UpdateOrder"),
    OrderHandler(folder="reserve_inventory", name="reserve_inventory", cold_bound=1.0, state="ReserveInventory"),
    OrderHandler(folder="send_email", name="send_confirmation", cold_bound=1.25, state="SendConfirmation"),
)


def make_order(items: int) -> dict[str, Any]:
    """An order as a shop publishes it, of this many different items."""
    return {
        "customer_email": "customer@example.com",
        "items": [{"item_id": f"item{number:03}", "quantity": number} for number in range(1, items + 1)],
        "order_id": f"bench-{items}-items",
    }


def queue_event(message: dict[str, Any]) -> dict[str, Any]:
    """The event with which SQS invokes the starter for one message: the dearest case, a batch of one."""
    return _batch_of_one(json.dumps(message))


def mail_event(kind: str, tags: dict[str, list[str]]) -> dict[str, Any]:
    """The event with which SQS invokes the tracker for one event of SES, likewise; as far as the tracker reads it."""
    detail = {"mail": {"messageId": "0101019ab5d1c2e3-0a1b2c3d-4e5f-6789-abcd-ef0123456789-000000", "tags": tags}}
    return _batch_of_one(json.dumps({"detail-type": kind, "source": "aws.ses", "detail": detail}))


def _batch_of_one(body: str) -> dict[str, Any]:
    record = {
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1764000000000"},
        "awsRegion": REGION,
        "body": body,
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:order-queue",
        "md5OfBody": "",
        "messageAttributes": {},
        "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
        "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
    }
    return {"Records": [record]}


def step_event(message: dict[str, Any], state: str) -> dict[str, Any]:
    """The payload with which the state machine invokes a step."""
    return {
        "execution": message["order_id"],
        "order": {**message, "attempt": 1},
        "retry_count": 0,
        "timing": {"StartTime": "2026-11-01T12:00:00.000Z"},
        "state": state,
    }


def make_event(handler: OrderHandler, message: dict[str, Any]) -> dict[str, Any]:
    """The event that invokes a handler for one order."""
    return step_event(message, handler.state) if handler.state else queue_event(message)
