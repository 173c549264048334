"""The dead letters that probes make."""

from functools import partial
from typing import Final

from ops.dead_letters.actions import drop_letters
from ops.dead_letters.dead_letter import DeadLetter
from ops.dead_letters.queues import peek_queues
from ops.doctor.own_names import is_own_message
from ops.doctor.repair import Repair, Warn
from ops.doctor.subject import Subject
from ops.shell import quote_command

READING: Final = ("sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")
DROPPING: Final = (*READING, "sqs:DeleteMessage")


def find_letter(subject: Subject, queue: str, mark: str) -> DeadLetter | None:
    """Find the dead letter of the order that bears a probe's mark, which is how its id begins."""
    letters = peek_queues(subject.stack, [queue]).letters
    return next((letter for letter in letters if _is_marked(letter, mark)), None)


def _is_marked(letter: DeadLetter, mark: str) -> bool:
    return is_own_message(letter) and (letter.order_id or "").startswith(mark)


def drop_afterwards(subject: Subject, queue: str, mark: str, warn: Warn) -> Repair:
    """Drop the dead letter of a probe once it has been looked at."""
    return Repair(
        f"a dead letter of this probe may be in the queue of {queue}",
        partial(_drop_letter, subject, queue, mark),
        quote_command("orders doctor --clean"),
        warn,
    )


def _drop_letter(subject: Subject, queue: str, mark: str) -> bool:
    """Drop it, if it is there; whether none is left, also among those that could not be read just now."""
    peek = peek_queues(subject.stack, [queue])
    letters = [letter for letter in peek.letters if _is_marked(letter, mark)]
    if not letters:
        return not peek.unread
    handled = drop_letters(subject.stack, letters, keep=lambda _letter: None)
    return not handled.failed and not handled.gone
