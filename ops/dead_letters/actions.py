"""Actions on dead letters: send them back to the queue they came from, or delete them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ops.dead_letters.dead_letter import MAIL_EVENTS, ORDERS, DeadLetter
from ops.dead_letters.queues import QUEUES, read_queue
from ops.stack import Stack

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import (
        DeleteMessageBatchRequestEntryTypeDef,
        DeleteMessageBatchResultTypeDef,
        SendMessageBatchRequestEntryTypeDef,
        SendMessageBatchResultTypeDef,
    )

# The outputs that hold the URLs of the queues they came from. A release came from no queue.
_SOURCES: Final = {ORDERS: "OrderQueueUrl", MAIL_EVENTS: "MailEventQueueUrl"}
# Ten messages may be more than one call carries (1 MiB since 2025, a quarter of it before).
_MOST_BYTES: Final = 256 * 1024


@dataclass(frozen=True)
class Handled:
    """Counts of dead letters: done with, failed (each with AWS's reason), or gone before they could be reached."""

    done: Sequence[DeadLetter]
    failed: Sequence[tuple[DeadLetter, str]]
    gone: Sequence[DeadLetter]


def can_be_redriven(letter: DeadLetter) -> bool:
    """Whether there is a queue to send it back to."""
    return letter.queue in _SOURCES


def redrive_letters(stack: Stack, letters: Iterable[DeadLetter]) -> Handled:
    """Send dead letters to the queue they came from, body unchanged, and delete each once SQS has it there.

    Cut off between the two, a message is in both: redriven again it is a duplicate, as any that comes twice.
    """
    sqs = stack.client("sqs")

    def send(queue: str, batch: list[DeadLetter]) -> dict[str, str]:
        failed: dict[str, str] = {}
        for part in _split_batch(batch):
            entries: list[SendMessageBatchRequestEntryTypeDef] = [
                {"Id": str(number), "MessageBody": letter.body} for number, letter in enumerate(part)
            ]
            failed |= _read_failures(sqs.send_message_batch(QueueUrl=stack[_SOURCES[queue]], Entries=entries), part)
        return failed

    return _work_on_each(stack, letters, send)


def drop_letters(stack: Stack, letters: Iterable[DeadLetter], keep: Callable[[DeadLetter], None]) -> Handled:
    """Delete dead letters; each is given to `keep` first."""

    def kept(_queue: str, batch: list[DeadLetter]) -> dict[str, str]:
        for letter in batch:
            keep(letter)
        return {}

    return _work_on_each(stack, letters, kept)


def _work_on_each(
    stack: Stack, letters: Iterable[DeadLetter], work: Callable[[str, list[DeadLetter]], dict[str, str]]
) -> Handled:
    """Find them again, each queue read once; do the work, and delete those that did not fail."""
    wanted: dict[str, dict[str, DeadLetter]] = {}
    for letter in letters:
        wanted.setdefault(letter.queue, {})[letter.message_id] = letter
    done, failed = list[DeadLetter](), list[tuple[DeadLetter, str]]()
    for queue, missing in wanted.items():
        sqs, url = stack.client("sqs"), stack[QUEUES[queue]]
        with read_queue(sqs, url, queue) as batches:
            for batch in batches:
                chosen = [letter for letter in batch if missing.pop(letter.message_id, None)]
                failures = work(queue, chosen) if chosen else {}
                ready = [letter for letter in chosen if letter.message_id not in failures]
                failures |= _delete_batch(sqs, url, ready)
                done += [letter for letter in chosen if letter.message_id not in failures]
                failed += [(one, failures[one.message_id]) for one in chosen if one.message_id in failures]
                if not missing:
                    break
    return Handled(done, failed, [letter for missing in wanted.values() for letter in missing.values()])


def _delete_batch(sqs: "SQSClient", url: str, letters: list[DeadLetter]) -> dict[str, str]:
    if not letters:
        return {}
    entries: list[DeleteMessageBatchRequestEntryTypeDef] = [
        {"Id": str(number), "ReceiptHandle": letter.receipt} for number, letter in enumerate(letters)
    ]
    failures = _read_failures(sqs.delete_message_batch(QueueUrl=url, Entries=entries), letters)
    return {message_id: f"its letter could not be deleted: {reason}" for message_id, reason in failures.items()}


def _read_failures(
    answer: "SendMessageBatchResultTypeDef | DeleteMessageBatchResultTypeDef", letters: Sequence[DeadLetter]
) -> dict[str, str]:
    """Read a batch's failures: message ids to SQS's reasons."""
    return {
        letters[int(failure["Id"])].message_id: f"{failure['Code']}: {failure.get('Message', '')}".rstrip(": ")
        for failure in answer.get("Failed", ())
    }


def _split_batch(letters: list[DeadLetter]) -> Iterator[list[DeadLetter]]:
    """Split a batch so that a call carries each part."""
    part, size = list[DeadLetter](), 0
    for letter in letters:
        length = len(letter.body.encode("utf-8", "surrogatepass"))
        if part and size + length > _MOST_BYTES:
            yield part
            part, size = [], 0
        part.append(letter)
        size += length
    if part:
        yield part
