"""A dead letter: a message that could not be taken on, the order it is about, and why it is here."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Self

from functions.shared.mail_tags import from_tags
from ops.contract.kinds import Positive

ORDERS: Final = "orders"
RELEASES: Final = "releases"
MAIL_EVENTS: Final = "mail-events"

SHORT_ID: Final = 8  # characters of a message's id that are shown; a longer prefix tells two apart that share them
# A system attribute that SQS sets when its redrive policy moves a message; not every emulator does:
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
MOVED_FROM: Final = "DeadLetterQueueSourceArn"

QueueName = Annotated[str, ("enum", (ORDERS, RELEASES, MAIL_EVENTS))]


@dataclass(frozen=True)
class DeadLetter:
    """A message that could not be taken on."""

    queue: QueueName
    """The dead letter queue it is in"""
    message_id: str
    """The message's id in SQS; commands take it, or enough of its start to be unique"""
    sent_at: datetime
    """When it was sent, ISO 8601; of an order that SQS moved here, when it came into the order queue"""
    receive_count: Positive
    """How often it was read, by this command line too"""
    body: str
    """The message, unchanged"""
    order_id: str | None
    """The order it is about; null if its body does not name one"""
    error_type: str | None
    """Why it is here, as a class: InvalidOrder, ConflictingOrder, …; null where nobody gave a reason"""
    error_message: str | None
    """The same in words"""
    receipt: str = field(default="", repr=False, compare=False)
    """The handle that deletes it; valid only for the reading that returned it"""

    @classmethod
    def from_message(cls, queue: str, message: Mapping[str, Any]) -> Self:
        """Read it as SQS delivers it from one of the queues."""
        body, system = message["Body"], message.get("Attributes", {})
        attributes = {name: value.get("StringValue") for name, value in message.get("MessageAttributes", {}).items()}
        content = _parse_json(body)
        # A message that SQS moved here after too many receives has no reason, and its attributes are its publisher's.
        error_type, error_message = (None, None) if MOVED_FROM in system else _read_reason(queue, content, attributes)
        return cls(
            queue=queue,
            message_id=message["MessageId"],
            sent_at=datetime.fromtimestamp(int(system.get("SentTimestamp", 0)) / 1000, UTC),
            receive_count=int(system.get("ApproximateReceiveCount", 0)),
            body=body,
            order_id=_as_text(_ORDER_IDS[queue](content)),
            error_type=error_type,
            error_message=error_message,
            receipt=message["ReceiptHandle"],
        )

    @property
    def short_id(self) -> str:
        """As much of the message's id as is shown."""
        return self.message_id[:SHORT_ID]

    @property
    def was_refused(self) -> bool:
        """Whether the starter refused it for what it holds, as it would again."""
        return self.queue == ORDERS and self.error_type is not None


def _read_reason(queue: str, content: Any, attributes: dict[str, Any]) -> tuple[str | None, str | None]:
    """Read why it is there: by the starter, by EventBridge, by Lambda's on-failure record, by SNS; SQS says nothing."""
    if "error_type" in attributes:
        return attributes["error_type"], attributes.get("error_message")
    if "ERROR_CODE" in attributes:
        return attributes["ERROR_CODE"], attributes.get("ERROR_MESSAGE")
    if queue == RELEASES:
        failure = _look_inside(content, "responsePayload")
        condition = _as_text(_look_inside(content, "requestContext", "condition"))
        return _as_text(_look_inside(failure, "errorType")) or condition, _as_text(
            _look_inside(failure, "errorMessage")
        )
    if "ErrorCode" in attributes:
        said = ": ".join(filter(None, (attributes["ErrorCode"], attributes.get("ErrorMessage"))))
        return None, f"SNS could not deliver it: {said}"
    return None, None


def _abandoned_order(content: Any) -> Any:
    """Find the order in EventBridge's event of an execution, be it the message or inside of Lambda's record."""
    event = _look_inside(content, "requestPayload") or content
    return _look_inside(_parse_json(_look_inside(event, "detail", "input")), "order_id")


def _parse_json(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return None


def _look_inside(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _as_text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _mailed_order(content: Any) -> Any:
    """Find the order in the tags of the mail that an event tells of."""
    tags = _look_inside(content, "detail", "mail", "tags")
    try:
        found = from_tags(tags) if isinstance(tags, dict) else None
    except (ValueError, TypeError, LookupError):  # tags that we have not written
        return None
    return found[1] if found else None


_ORDER_IDS: Final[dict[str, Callable[[Any], Any]]] = {
    ORDERS: lambda content: _look_inside(content, "order_id"),
    RELEASES: _abandoned_order,
    MAIL_EVENTS: _mailed_order,
}
