"""The dead letters: what could not be taken on, of the three queues that hold such, and what can be done about it.

SQS gives at most ten messages a call and any of them again. So a queue is read by holding what was seen, until nothing
else comes, and is left as it was found. Two who read it at once each see a part of it: what SQS counts in the queue and
did not give is counted as unread. SQS's counts are approximate, up to a minute after a message came or went:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html

These queues have no redrive policy of their own: reading moves no message anywhere and keeps none from expiring, and
only adds to its ApproximateReceiveCount.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from threading import Event
from time import monotonic
from typing import Any, Final

from functions.shared.mail_tags import from_tags
from ops.errors import BadInput, Refused
from ops.shell import quote_command
from ops.stack import Stack

ORDERS: Final = "orders"
RELEASES: Final = "releases"
MAIL_EVENTS: Final = "mail-events"

# The outputs that hold their URLs, and those of the queues they go back to.
QUEUES: Final = {ORDERS: "OrderDlqUrl", RELEASES: "ReleaseDlqUrl", MAIL_EVENTS: "MailEventDlqUrl"}
_SOURCES: Final = {ORDERS: "OrderQueueUrl", MAIL_EVENTS: "MailEventQueueUrl"}

SHORT_ID: Final = 8  # characters of a message's id that are shown; a longer prefix tells two apart that share them
# Seconds that a letter stays hidden while the rest is read, and one more for each call that the rest may take.
_HOLD: Final = 30
_WAIT: Final = 1
_BATCH: Final = 10
# A system attribute that SQS sets when its redrive policy moves a message; not every emulator does:
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
_MOVED_FROM: Final = "DeadLetterQueueSourceArn"
_LONGEST_KEY: Final = 2048  # bytes that DynamoDB takes as a key: under a longer id no row was written, nothing is held
# Ten letters may be more than one call carries (1 MiB since 2025, a quarter of it before).
_MOST_BYTES: Final = 256 * 1024


@dataclass(frozen=True)
class Letter:
    """A message in a dead letter queue; `error_type` and `error_message` where whoever put it there gave a reason."""

    queue: str
    message_id: str
    sent_at: datetime
    receive_count: int  # every reading counts, those of this command line too
    body: str
    order_id: str | None  # None if the body does not tell
    error_type: str | None
    error_message: str | None
    receipt: str = field(default="", repr=False, compare=False)

    @property
    def short_id(self) -> str:
        """As much of the message's id as is shown."""
        return self.message_id[:SHORT_ID]

    @property
    def was_refused(self) -> bool:
        """Whether the starter refused it for what it holds, as it would again."""
        return self.queue == ORDERS and self.error_type is not None

    @property
    def can_be_redriven(self) -> bool:
        """Whether there is a queue to send it back to."""
        return self.queue in _SOURCES


@dataclass(frozen=True)
class Outcome:
    """What became of letters: done with, failed (each with AWS's reason), or gone before they could be reached."""

    done: Sequence[Letter]
    failed: Sequence[tuple[Letter, str]]
    gone: Sequence[Letter]


@dataclass(frozen=True)
class Peek:
    """The letters that could be read, the oldest first, and how many more SQS counts: in somebody else's hands."""

    letters: list[Letter]
    unread: int

    @property
    def gap(self) -> str | None:
        """Say what is missing; None if nothing is."""
        if not self.unread:
            return None
        more = "1 more dead letter" if self.unread == 1 else f"{self.unread} more dead letters"
        return f"{more} could not be read: somebody else is looking, or was just now; run this again in a minute"


def peek(stack: Stack, queues: Iterable[str] = QUEUES) -> Peek:
    """Read the letters of these queues; they stay where they are.

    For a moment nobody else sees them. An empty queue takes a second: SQS asks all of its servers.
    """
    sqs, urls, stop = stack.client("sqs"), {queue: stack[QUEUES[queue]] for queue in queues}, Event()

    def read(queue: str) -> Peek:
        with _reading(sqs, urls[queue], queue, stop) as batches:
            letters = [letter for batch in batches for letter in batch]
            return Peek(letters, max(0, count_messages(sqs, urls[queue]) - len(letters)))

    with ThreadPoolExecutor(max_workers=len(QUEUES)) as readers:
        reading = [readers.submit(read, queue) for queue in urls]
        try:
            found = [done.result() for done in wait(reading, return_when=FIRST_EXCEPTION).done]
        finally:
            stop.set()  # on an error or Ctrl-C the other readers stop too, and give back what they hold
    letters = sorted((one for peek in found for one in peek.letters), key=lambda one: (one.sent_at, one.message_id))
    return Peek(letters, sum(peek.unread for peek in found))


def count_messages(sqs: Any, url: str) -> int:
    """Count a queue's messages, those being worked on too."""
    counts = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(counts))
    return sum(int(answer["Attributes"][count]) for count in counts)


def letter_as_json(letter: Letter) -> dict[str, Any]:
    """Give a dead letter as data, without the receipt, which is good for this reading alone."""
    content = asdict(letter)
    del content["receipt"]
    return content


def find(found: Peek, id_: str) -> Letter:
    """Return the letter with this message id, or the only one whose id begins so.

    Raises:
        Refused: there is none.
        BadInput: there are several.
    """
    fitting = [letter for letter in found.letters if letter.message_id.startswith(id_.lower())] if id_ else []
    if not fitting:
        raise Refused(f"no dead letter {id_!r}; {found.gap or '`orders dlq list` shows those there are'}")
    if len(fitting) > 1:
        raise BadInput(f"ID: {id_!r} fits {len(fitting)} letters: {', '.join(one.message_id for one in fitting)}")
    return fitting[0]


def redrive(stack: Stack, letters: Iterable[Letter]) -> Outcome:
    """Send letters to the queue they came from, body unchanged, and delete each once SQS has it there.

    Cut off between the two, a message is in both: redriven again it is a duplicate, as any that comes twice.
    """
    sqs = stack.client("sqs")

    def send(queue: str, batch: list[Letter]) -> dict[str, str]:
        failed: dict[str, str] = {}
        for part in _parts(batch):
            entries = [{"Id": str(number), "MessageBody": letter.body} for number, letter in enumerate(part)]
            failed |= _failures(sqs.send_message_batch(QueueUrl=stack[_SOURCES[queue]], Entries=entries), part)
        return failed

    return _each(stack, letters, send)


def drop(stack: Stack, letters: Iterable[Letter], keep: Callable[[Letter], None]) -> Outcome:
    """Delete letters; each is given to `keep` before."""

    def kept(_queue: str, batch: list[Letter]) -> dict[str, str]:
        for letter in batch:
            keep(letter)
        return {}

    return _each(stack, letters, kept)


def advice(letter: Letter) -> str:
    """Say what a person does about a letter."""
    drop_it = quote_command("orders dlq drop", letter.short_id)
    redrive_it = quote_command("orders dlq redrive", letter.short_id)
    anew = "publish it under an id of its own (`orders place`)"
    match letter.queue:
        case "orders" if letter.error_type == "ConflictingOrder":
            return f"another order has this id: {anew}, then {drop_it}"
        case "orders" if letter.error_type:
            return f"it was never an order: correct it, {anew}, then {drop_it}"
        case "orders":
            return (
                f"mend what kept it from being started, then {redrive_it};"
                " an order at work or done is ignored as a duplicate, one that failed or was stopped starts again"
            )
        case "releases" if letter.order_id and len(letter.order_id) <= _LONGEST_KEY:
            retry_it = quote_command("orders retry", letter.order_id)
            return f"{retry_it}: the next attempt takes the order over; then {drop_it}"
        case "releases":
            return f"its execution was of no order, so nothing is held: {drop_it}"
        case _:
            return f"what became of a mail could not be written into the order's row: mend the cause, then {redrive_it}"


def _each(stack: Stack, letters: Iterable[Letter], work: Callable[[str, list[Letter]], dict[str, str]]) -> Outcome:
    """Find letters again, each queue read once; do `work`, which returns its failures by id, and delete the others."""
    wanted: dict[str, dict[str, Letter]] = {}
    for letter in letters:
        wanted.setdefault(letter.queue, {})[letter.message_id] = letter
    done, failed = list[Letter](), list[tuple[Letter, str]]()
    for queue, missing in wanted.items():
        sqs, url = stack.client("sqs"), stack[QUEUES[queue]]
        with _reading(sqs, url, queue, Event()) as batches:
            for batch in batches:
                chosen = [letter for letter in batch if missing.pop(letter.message_id, None)]
                failures = work(queue, chosen) if chosen else {}
                ready = [letter for letter in chosen if letter.message_id not in failures]
                failures |= _delete(sqs, url, ready)
                done += [letter for letter in chosen if letter.message_id not in failures]
                failed += [(one, failures[one.message_id]) for one in chosen if one.message_id in failures]
                if not missing:
                    break
    return Outcome(done, failed, [letter for missing in wanted.values() for letter in missing.values()])


def _delete(sqs: Any, url: str, letters: list[Letter]) -> dict[str, str]:
    if not letters:
        return {}
    entries = [{"Id": str(number), "ReceiptHandle": letter.receipt} for number, letter in enumerate(letters)]
    failures = _failures(sqs.delete_message_batch(QueueUrl=url, Entries=entries), letters)
    return {message_id: f"its letter could not be deleted: {reason}" for message_id, reason in failures.items()}


def _failures(answer: dict[str, Any], letters: Sequence[Letter]) -> dict[str, str]:
    """Read a batch's failures: message ids to SQS's reasons."""
    return {
        letters[int(failure["Id"])].message_id: f"{failure['Code']}: {failure.get('Message', '')}".rstrip(": ")
        for failure in answer.get("Failed", ())
    }


def _parts(letters: list[Letter]) -> Iterator[list[Letter]]:
    """Split a batch so that a call carries each part."""
    part, size = list[Letter](), 0
    for letter in letters:
        length = len(letter.body.encode("utf-8", "surrogatepass"))
        if part and size + length > _MOST_BYTES:
            yield part
            part, size = [], 0
        part.append(letter)
        size += length
    if part:
        yield part


@contextmanager
def _reading(sqs: Any, url: str, queue: str, stop: Event) -> Iterator[Iterator[list[Letter]]]:
    """Give a queue's letters in batches as they come, each once; at the end all that were not deleted are visible."""
    held: dict[str, Letter] = {}
    try:
        yield _batches(sqs, url, queue, held, stop)
    finally:
        _give_back(sqs, url, list(held.values()))


def _batches(sqs: Any, url: str, queue: str, held: dict[str, Letter], stop: Event) -> Iterator[list[Letter]]:
    hold = _HOLD + count_messages(sqs, url) // _BATCH
    until = monotonic() + hold
    while not stop.is_set() and (messages := _receive(sqs, url, hold)):
        letters = [_letter(queue, message) for message in messages]
        new = [letter for letter in letters if letter.message_id not in held]
        held |= {letter.message_id: letter for letter in letters}
        if new:
            yield new
        elif monotonic() > until:
            return  # more than can be read in that time: the first are coming round again


def _receive(sqs: Any, url: str, hold: int) -> Any:
    answer = sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=_BATCH,
        VisibilityTimeout=hold,
        WaitTimeSeconds=_WAIT,  # without, SQS asks some of its servers only, and an empty answer means nothing
        MessageAttributeNames=["All"],
        MessageSystemAttributeNames=["SentTimestamp", "ApproximateReceiveCount", _MOVED_FROM],
    )
    return answer.get("Messages")


def _give_back(sqs: Any, url: str, letters: list[Letter]) -> None:
    """Make letters visible; one that was deleted has nothing to show, and one that fails comes back automatically."""
    for start in range(0, len(letters), _BATCH):
        entries = [
            {"Id": str(number), "ReceiptHandle": letter.receipt, "VisibilityTimeout": 0}
            for number, letter in enumerate(letters[start : start + _BATCH])
        ]
        sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)


def _letter(queue: str, message: dict[str, Any]) -> Letter:
    body, system = message["Body"], message.get("Attributes", {})
    attributes = {name: value.get("StringValue") for name, value in message.get("MessageAttributes", {}).items()}
    content = _json(body)
    # What SQS moved here after too many receives has no reason, and its attributes are still its publisher's.
    error_type, error_message = (None, None) if _MOVED_FROM in system else _reason(queue, content, attributes)
    return Letter(
        queue=queue,
        message_id=message["MessageId"],
        sent_at=datetime.fromtimestamp(int(system.get("SentTimestamp", 0)) / 1000, UTC),
        receive_count=int(system.get("ApproximateReceiveCount", 0)),
        body=body,
        order_id=_text(_ORDER_IDS[queue](content)),
        error_type=error_type,
        error_message=error_message,
        receipt=message["ReceiptHandle"],
    )


def _reason(queue: str, content: Any, attributes: dict[str, Any]) -> tuple[str | None, str | None]:
    """Read why it is there: by the starter, by EventBridge, by Lambda's on-failure record, by SNS; SQS says nothing."""
    if "error_type" in attributes:
        return attributes["error_type"], attributes.get("error_message")
    if "ERROR_CODE" in attributes:
        return attributes["ERROR_CODE"], attributes.get("ERROR_MESSAGE")
    if queue == RELEASES:
        failure = _inside(content, "responsePayload")
        condition = _text(_inside(content, "requestContext", "condition"))
        return _text(_inside(failure, "errorType")) or condition, _text(_inside(failure, "errorMessage"))
    if "ErrorCode" in attributes:
        said = ": ".join(filter(None, (attributes["ErrorCode"], attributes.get("ErrorMessage"))))
        return None, f"SNS could not deliver it: {said}"
    return None, None


def _abandoned_order(content: Any) -> Any:
    """Find the order in EventBridge's event of an execution, be it the letter or inside of Lambda's record."""
    event = _inside(content, "requestPayload") or content
    return _inside(_json(_inside(event, "detail", "input")), "order_id")


def _json(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return None


def _inside(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _mailed_order(content: Any) -> Any:
    """Find the order in the tags of the mail that an event tells of."""
    tags = _inside(content, "detail", "mail", "tags")
    try:
        found = from_tags(tags) if isinstance(tags, dict) else None
    except (ValueError, TypeError, LookupError):  # tags that we have not written
        return None
    return found[1] if found else None


_ORDER_IDS: Final[dict[str, Callable[[Any], Any]]] = {
    ORDERS: lambda content: _inside(content, "order_id"),
    RELEASES: _abandoned_order,
    MAIL_EVENTS: _mailed_order,
}
