"""Orders, messages and events, each with one thing changed where a test needs it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from functions.shared.order import Line, Order

CUSTOMER = "customer@example.com"
ORDER = Order("12345", CUSTOMER, (Line("item001", 2), Line("item002", 1)))
MISSING: Any = object()

Handler = Callable[[dict[str, Any], Any], Any]


@dataclass(frozen=True)
class LambdaContext:
    """What Lambda passes beside the event, as far as the functions and Powertools read it."""

    aws_request_id: str = "invocation-1"
    function_name: str = "function"
    memory_limit_in_mb: int = 256
    invoked_function_arn: str = "arn:aws:lambda:us-west-2:123456789012:function:function"


def line(item_id: Any = "item001", quantity: Any = 1) -> dict[str, Any]:
    return {"item_id": item_id, "quantity": quantity}


def message(**changes: Any) -> str:
    """The body of a published order; `MISSING` leaves a field out."""
    fields = {"order_id": "12345", "customer_email": CUSTOMER, "items": [line("item001", 2), line("item002", 1)]}
    return json.dumps({name: value for name, value in (fields | changes).items() if value is not MISSING})


def sqs_event(*bodies: str) -> dict[str, Any]:
    """A batch of the order queue; the messages' ids are `message-0`, `message-1` and so on."""
    return {
        "Records": [
            {"messageId": f"message-{number}", "body": body, "eventSource": "aws:sqs", "attributes": {}}
            for number, body in enumerate(bodies)
        ]
    }


def execution_input(order: Order = ORDER, attempt: int = 1) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(order.to_input(attempt))
    return data


def step_event(order: Any, *, retry_count: int = 0) -> dict[str, Any]:
    """The payload that every Task of the state machine sends."""
    return {"order": order, "execution": "execution-1", "state": "SomeState", "retry_count": retry_count}


def run(
    handler: Handler,
    order: Order = ORDER,
    *,
    attempt: int = 1,
    error: Mapping[str, Any] | None = None,
    retry_count: int = 0,
    invocation: str = "invocation-1",
) -> None:
    """Invoke a step's handler as the state machine does."""
    data = execution_input(order, attempt) | ({"error": error} if error is not None else {})
    handler(step_event(data, retry_count=retry_count), LambdaContext(aws_request_id=invocation))


def abandoned_event(**changes: Any) -> dict[str, Any]:
    """What EventBridge sends when an execution ends badly; `MISSING` leaves a field of its detail out."""
    detail = {
        "executionArn": "arn:aws:states:us-west-2:123456789012:execution:orders:12345",
        "name": "12345",
        "status": "ABORTED",
        "input": json.dumps(execution_input()),
        "inputDetails": {"included": True},
    }
    return {
        "source": "aws.states",
        "detail-type": "Step Functions Execution Status Change",
        "detail": {name: value for name, value in (detail | changes).items() if value is not MISSING},
    }
