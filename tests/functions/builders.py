"""Orders, messages and events, each with one thing changed where a test needs it."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools.utilities import typing

from functions.shared.order import Line, Order

CUSTOMER = "customer@example.com"
ORDER = Order("12345", CUSTOMER, (Line("item001", 2), Line("item002", 1)))
MISSING: Any = object()
SENT = {"SentTimestamp": "1764000000000"}  # a message's attributes: milliseconds

MAIL_EVENTS: dict[str, tuple[Any, ...]] = {
    "Email Sent": ("Send", {}),
    "Email Delivered": (
        "Delivery",
        {
            "timestamp": "2017-08-05T00:41:04.133Z",
            "processingTimeMillis": 11893,
            "recipients": [CUSTOMER],
            "smtpResponse": "250 2.6.0 Message received",
            "remoteMtaIp": "192.0.2.0",
            "reportingMTA": "mta.example.com",
        },
    ),
    "Email Bounced": (
        "Bounce",
        {
            "bounceType": "Permanent",
            "bounceSubType": "General",
            "bouncedRecipients": [
                {
                    "emailAddress": CUSTOMER,
                    "action": "failed",
                    "status": "5.1.1",
                    "diagnosticCode": "smtp; 550 5.1.1 user unknown",
                }
            ],
            "timestamp": "2017-08-05T00:41:02.669Z",
            "feedbackId": "01000157c44f053b-61b59c11-9236-11e6-8f96-7be8aexample-000000",
            "reportingMTA": "dsn; mta.example.com",
        },
    ),
    "Email Complaint Received": (
        "Complaint",
        {
            "complainedRecipients": [{"emailAddress": CUSTOMER}],
            "timestamp": "2017-08-05T00:41:02.669Z",
            "feedbackId": "01000157c44f053b-61b59c11-9236-11e6-8f96-7be8aexample-000000",
            "userAgent": "Amazon SES Mailbox Simulator",
            "complaintFeedbackType": "abuse",
            "complaintSubType": None,
            "arrivalDate": "2017-08-05T00:41:02.669Z",
        },
    ),
    "Email Rejected": ("Reject", {"reason": "Bad content"}),
}

Handler = Callable[[dict[str, Any], Any], Any]


class LambdaContext(typing.LambdaContext):
    """What Lambda passes beside the event, as far as the functions and Powertools read it."""

    _function_name = "function"
    _memory_limit_in_mb = 256
    _invoked_function_arn = "arn:aws:lambda:us-west-2:123456789012:function:function"

    def __init__(self, aws_request_id: str = "invocation-1", time_left: Callable[[], float] = lambda: 70.0) -> None:
        self._aws_request_id = aws_request_id
        self._time_left = time_left  # seconds

    def get_remaining_time_in_millis(self) -> int:  # type: ignore[override]  # Powertools' is static, Lambda's is not
        return int(self._time_left() * 1000)


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
            {"messageId": f"message-{number}", "body": body, "eventSource": "aws:sqs", "attributes": SENT}
            for number, body in enumerate(bodies)
        ]
    }


def mail_event(kind: str, **changes: Any) -> str:
    """The body of a message that says what became of the mail of `ORDER` that "invocation-1" sent.

    The shapes are those of AWS's own examples, as EventBridge wraps them:
    https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-examples.html
    """
    event_type, *details = MAIL_EVENTS[kind]
    mail = {
        "timestamp": "2017-08-05T00:40:02.012Z",
        "source": "Sender Name <orders@example.com>",
        "sourceArn": "arn:aws:ses:us-west-2:123456789012:identity/orders@example.com",
        "sendingAccountId": "123456789012",
        "messageId": "0101-mail",
        "destination": [CUSTOMER],
        "headersTruncated": False,
        "headers": [{"name": "To", "value": CUSTOMER}],
        "commonHeaders": {"from": ["Sender Name <orders@example.com>"], "to": [CUSTOMER], "messageId": "0101-mail"},
        "tags": {
            "ses:configuration-set": ["order-processing-test"],
            "ses:from-domain": ["example.com"],
            "claim": ["invocation-1"],
            "order_id": [ORDER.order_id],
        },
    } | changes.pop("mail", {})
    detail = {"eventType": event_type, "mail": mail} | ({event_type.lower(): details[0]} if details else {})
    event = {
        "version": "0",
        "id": "12345678-1234-1234-1234-111122223333",
        "detail-type": kind,
        "source": "aws.ses",
        "account": "123456789012",
        "time": "2017-08-05T00:41:02Z",
        "region": "us-west-2",
        "resources": ["arn:aws:ses:us-west-2:123456789012:configuration-set/order-processing-test"],
        "detail": detail | changes,
    }
    return json.dumps(event)


def execution_input(order: Order = ORDER, attempt: int = 1) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(order.to_input(attempt))
    return data


def step_event(order: Any, *, retry_count: int = 0) -> dict[str, Any]:
    """The payload that every Task of the state machine sends."""
    return {
        "order": order,
        "execution": "execution-1",
        "timing": {"StartTime": "2026-01-01T00:00:00.000Z"},
        "state": "SomeState",
        "retry_count": retry_count,
    }


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
