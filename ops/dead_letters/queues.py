"""The three queues that hold dead letters, and how they are read.

SQS gives at most ten messages a call and any of them again. So a queue is read by holding what was seen, until nothing
else comes, and is left as it was found. Two who read it at once each see a part of it: what SQS counts in the queue and
did not give is counted as unread. SQS's counts are approximate, up to a minute after a message came or went:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html

These queues have no redrive policy of their own: reading moves no message anywhere and keeps none from expiring, and
only adds to its ApproximateReceiveCount.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING, Final

from ops.contract.kinds import Count, Positive
from ops.dead_letters.dead_letter import MAIL_EVENTS, MOVED_FROM, ORDERS, RELEASES, DeadLetter
from ops.errors import BadInput, Refused
from ops.stack import Stack

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import ChangeMessageVisibilityBatchRequestEntryTypeDef, MessageTypeDef

# The outputs that hold their URLs.
QUEUES: Final = {ORDERS: "OrderDlqUrl", RELEASES: "ReleaseDlqUrl", MAIL_EVENTS: "MailEventDlqUrl"}

# Seconds that a message stays hidden while the rest is read, and one more for each call that the rest may take.
_HOLD: Final = 30
_WAIT: Final = 1
_COUNTS: Final = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
_BATCH: Final = 10


@dataclass(frozen=True)
class Peek:
    """The dead letters."""

    letters: list[DeadLetter]
    """The oldest first"""
    unread: Count
    """How many more SQS counts in these queues and did not give, since somebody else held them; the exit code is 1 if
    there are any"""

    @property
    def gap(self) -> str | None:
        """Say what is missing; None if nothing is."""
        if not self.unread:
            return None
        more = "1 more dead letter" if self.unread == 1 else f"{self.unread} more dead letters"
        return f"{more} could not be read: somebody else is looking, or was just now; run this again in a minute"


@dataclass(frozen=True)
class Filled:
    """A queue that holds dead letters."""

    queue: str
    """Which: orders, releases or mail-events"""
    messages: Positive
    """How many, as SQS counts them"""


def peek_queues(stack: Stack, queues: Iterable[str] = QUEUES) -> Peek:
    """Read the dead letters of these queues; they stay where they are.

    For a moment nobody else sees them. An empty queue takes a second: SQS asks all of its servers.
    """
    sqs, urls, stop = stack.client("sqs"), {queue: stack[QUEUES[queue]] for queue in queues}, Event()

    def read(queue: str) -> Peek:
        with read_queue(sqs, urls[queue], queue, stop) as batches:
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


def count_messages(sqs: "SQSClient", url: str) -> int:
    """Count a queue's messages, those being worked on too."""
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[*_COUNTS])
    return sum(int(answer["Attributes"][count]) for count in _COUNTS)


def count_dead_letters(stack: Stack) -> list[Filled]:
    """Count the dead letters of each queue that holds any, without reading them."""
    sqs = stack.client("sqs")
    counts = [Filled(queue, count_messages(sqs, stack[output])) for queue, output in QUEUES.items()]
    return [counted for counted in counts if counted.messages]


def find_message(found: Peek, id_: str) -> DeadLetter:
    """Return the dead letter with this message id, or the only one whose id begins so.

    Raises:
        Refused: there is none.
        BadInput: there are several.
    """
    fitting = [letter for letter in found.letters if letter.message_id.startswith(id_.lower())] if id_ else []
    if not fitting:
        raise Refused(f"no dead letter {id_!r}; {found.gap or '`orders dlq list` shows those there are'}")
    if len(fitting) > 1:
        raise BadInput(f"ID: {id_!r} fits {len(fitting)} dead letters: {', '.join(one.message_id for one in fitting)}")
    return fitting[0]


@contextmanager
def read_queue(
    sqs: "SQSClient", url: str, queue: str = ORDERS, stop: Event | None = None
) -> Iterator[Iterator[list[DeadLetter]]]:
    """Give a queue's letters in batches as they come, each once; at the end all that were not deleted are visible."""
    held: dict[str, DeadLetter] = {}
    try:
        yield _receive_batches(sqs, url, queue, held, stop or Event())
    finally:
        _give_back(sqs, url, list(held.values()))


def _receive_batches(
    sqs: "SQSClient", url: str, queue: str, held: dict[str, DeadLetter], stop: Event
) -> Iterator[list[DeadLetter]]:
    hold = _HOLD + count_messages(sqs, url) // _BATCH
    until = monotonic() + hold
    while not stop.is_set() and (messages := _receive_batch(sqs, url, hold)):
        letters = [DeadLetter.from_message(queue, message) for message in messages]
        new = [letter for letter in letters if letter.message_id not in held]
        held |= {letter.message_id: letter for letter in letters}
        if new:
            yield new
        elif monotonic() > until:
            return  # more than can be read in that time: the first are coming round again


def _receive_batch(sqs: "SQSClient", url: str, hold: int) -> "Sequence[MessageTypeDef]":
    answer = sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=_BATCH,
        VisibilityTimeout=hold,
        WaitTimeSeconds=_WAIT,  # without, SQS asks some of its servers only, and an empty answer means nothing
        MessageAttributeNames=["All"],
        MessageSystemAttributeNames=["SentTimestamp", "ApproximateReceiveCount", MOVED_FROM],
    )
    return answer.get("Messages", [])


def _give_back(sqs: "SQSClient", url: str, letters: list[DeadLetter]) -> None:
    """Make letters visible; one that was deleted has nothing to show, and one that fails comes back automatically."""
    for start in range(0, len(letters), _BATCH):
        entries: list[ChangeMessageVisibilityBatchRequestEntryTypeDef] = [
            {"Id": str(number), "ReceiptHandle": letter.receipt, "VisibilityTimeout": 0}
            for number, letter in enumerate(letters[start : start + _BATCH])
        ]
        sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)
