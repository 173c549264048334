"""The probe of what the starter refuses: it must end as a dead letter that says why."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from functions.shared.errors import InvalidOrder
from ops.dead_letters.actions import drop_letters
from ops.dead_letters.dead_letter import ORDERS, DeadLetter
from ops.dead_letters.queues import Peek, peek_queues
from ops.doctor.own_names import is_own_message, make_malformed
from ops.doctor.placing.placed_run import GROUP, ON_STOCK, Run
from ops.doctor.probe import Finding, Probe
from ops.doctor.subject import Subject
from ops.shell import quote_command

_DEAD_WITHIN: Final = 60.0  # seconds from publishing it


@dataclass
class RefusedMessage:
    """A message without all that an order needs; its id says whose it is."""

    run: Run
    published_at: float = 0.0

    @property
    def order_id(self) -> str:
        """The id that its body holds."""
        return make_malformed(self.run.id)[0]

    def publish(self, subject: Subject) -> None:
        """Publish it, as a shop with a fault of its own would."""
        _, body = make_malformed(self.run.id)
        subject.stack.client("sns").publish(TopicArn=subject.stack["OrderTopicArn"], Message=body)
        self.published_at = self.run.clock()
        self.run.counted.append("OrdersRefused")

    def examine_letter(self, subject: Subject) -> Iterator[Finding]:
        """Wait for it among the dead letters, look at its reason, and delete it there."""
        found = self.run.wait_until(
            lambda: peek_queues(subject.stack, [ORDERS]),
            lambda peek: self._pick(peek) is not None,
            until=self.published_at + _DEAD_WITHIN,
        )
        letter = self._pick(found)
        if letter is None:
            yield self._explain_absence(found)
            return
        yield _judge_reason(letter)
        dropped = drop_letters(subject.stack, [letter], lambda _letter: None)
        if dropped.done:
            yield Finding.ok("it was deleted again")
        else:
            yield Finding.unclear("it could not be deleted", f"run {quote_command('orders doctor --clean')}")

    def _pick(self, found: Peek) -> DeadLetter | None:
        return next((one for one in found.letters if one.order_id == self.order_id and is_own_message(one)), None)

    def _explain_absence(self, found: Peek) -> Finding:
        text = f"{self.order_id} is no dead letter {_DEAD_WITHIN:.0f} s after it was published"
        if found.gap:
            return Finding.unclear(text, found.gap)
        return Finding.wrong(text, "see docs/runbooks/OldestOrderWaits.md: the starter is not called, or fails")


def _judge_reason(letter: DeadLetter) -> Finding:
    if letter.error_type == InvalidOrder.__name__:
        return Finding.ok(f"{letter.order_id} is a dead letter: {letter.error_type}: {letter.error_message}")
    return Finding.wrong(
        f"{letter.order_id} is a dead letter of {letter.error_type or 'no reason'}, and should be one of InvalidOrder",
        "see docs/runbooks/OrderDlqNotEmpty.md",
    )


def make_probes(run: Run) -> tuple[Probe, ...]:
    """Give it, for one run."""
    message = RefusedMessage(run)
    return (
        Probe(
            id="B5",
            group=GROUP,
            asks="a message that is no order becomes a dead letter, with its reason",
            begin=message.publish,
            ask=message.examine_letter,
            actions=(
                "sns:Publish",
                "sqs:ReceiveMessage",
                "sqs:ChangeMessageVisibility",
                "sqs:GetQueueAttributes",
                "sqs:DeleteMessage",
            ),
            page="runbooks/OrderDlqNotEmpty.md",
            rests_on=ON_STOCK,
        ),
    )
