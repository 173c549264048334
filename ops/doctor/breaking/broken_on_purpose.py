"""Probes that break something on purpose, look what AWS makes of it, and put it right again.

For dev, and as far as they go for the local AWS.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from functions.shared.mail_tags import to_tags
from functions.shared.order import Order
from functions.track_email.ses_events import SES_EVENTS
from ops.dead_letters.dead_letter import MAIL_EVENTS, RELEASES
from ops.doctor import stopped_execution
from ops.doctor.breaking.marked_letters import DROPPING, drop_afterwards, find_letter
from ops.doctor.breaking.revoked_permission import RevokedPermission
from ops.doctor.breaking.stranger import Stranger
from ops.doctor.own_names import make_order, name_run
from ops.doctor.patience import Patience
from ops.doctor.probe import Finding, Probe
from ops.doctor.repair import Warn, look_while_broken
from ops.doctor.subject import Subject
from ops.shell import quote_command
from ops.stack import Aws

GROUP: Final = "Broken on purpose"
# Seconds. Lambda tries a failed call again after one and after two minutes more:
# https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
_THREE_TRIES: Final = 360.0
_EVERY: Final = 15.0
# Beyond the deliveries' own time, which the queue says.
_SLACK: Final = 180.0


@dataclass(frozen=True)
class FailedCall:
    """D1: ReleaseAbandoned is called with what is no event of an execution."""

    patience: Patience
    warn: Warn

    def ask(self, subject: Subject) -> Iterator[Finding]:
        """Call it, and look for the dead letter that Lambda makes of the call after the last try."""
        function = subject.find_resource("AWS::Lambda::Function", "WorkflowReleaseAbandoned").physical_id
        called = function if subject.is_local else f"{function}:live"
        order = make_order(name_run(datetime.now(UTC)), "call")
        dropped = drop_afterwards(subject, RELEASES, order.order_id, self.warn)

        def look() -> Iterator[Finding]:
            payload = json.dumps({"detail": {"input": order.to_input(1)}})  # without the execution's name
            client = subject.stack.client("lambda")
            client.invoke(FunctionName=called, InvocationType="Event", Payload=payload)
            yield self._look_for_letter(subject, order.order_id)

        yield from look_while_broken(look, dropped)

    def _look_for_letter(self, subject: Subject, order_id: str) -> Finding:
        letter = self.patience.wait_for(
            "a call that fails three times",
            lambda: find_letter(subject, RELEASES, order_id),
            seconds=_THREE_TRIES,
            every=_EVERY,
        )
        if letter is None:
            return Finding.wrong(
                f"a call of ReleaseAbandoned that fails is no dead letter {_THREE_TRIES / 60:.0f} minutes later",
                f"run {quote_command('orders doctor A6 A10 A13')}: the queue, its key, and what Lambda was refused",
            )
        context = json.loads(letter.body)["requestContext"]
        return Finding.ok(
            f"a call of ReleaseAbandoned that fails becomes a dead letter after {context['approximateInvokeCount']}"
            f" tries ({context['condition']}, {letter.error_type})"
        )


@dataclass(frozen=True)
class UnreadableEvent:
    """D3: the queue of mails' events gets what is no event."""

    patience: Patience
    warn: Warn

    def ask(self, subject: Subject) -> Iterator[Finding]:
        """Send it, and wait until SQS has delivered it as often as it may."""
        order = make_order(name_run(datetime.now(UTC)), "mail")
        dropped = drop_afterwards(subject, MAIL_EVENTS, order.order_id, self.warn)
        yield from look_while_broken(lambda: self._send_and_look(subject, order), dropped)

    def _send_and_look(self, subject: Subject, order: Order) -> Iterator[Finding]:
        sqs, url = subject.stack.client("sqs"), subject.stack["MailEventQueueUrl"]
        says = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy", "VisibilityTimeout"])
        attributes = says["Attributes"]
        if "RedrivePolicy" not in attributes:
            yield Finding.wrong("the queue of mails' events has no dead letter queue", "deploy again")
            return
        deliveries = int(json.loads(attributes["RedrivePolicy"])["maxReceiveCount"])
        seconds = deliveries * int(attributes["VisibilityTimeout"]) + _SLACK
        sqs.send_message(QueueUrl=url, MessageBody=_make_unreadable(order))
        letter = self.patience.wait_for(
            f"{deliveries} deliveries of an event that cannot be read",
            lambda: find_letter(subject, MAIL_EVENTS, order.order_id),
            seconds=seconds,
            every=60,
        )
        if letter is None:
            yield Finding.wrong(
                f"an event that cannot be read is no dead letter {seconds / 60:.0f} minutes later",
                f"run {quote_command('orders doctor A10')}: the queue's redrive policy",
            )
        else:
            yield Finding.ok(f"an event that cannot be read becomes a dead letter after {deliveries} deliveries")


def _make_unreadable(order: Order) -> str:
    """Make an event of the order's mail that says neither what happened nor to which message."""
    tags = {tag["Name"]: [tag["Value"]] for tag in to_tags("doctor", order.order_id)}
    mail = {"tags": tags, "destination": [order.customer_email]}
    return json.dumps({"detail-type": SES_EVENTS[0].detail_type, "detail": {"mail": mail}})


def make_deep(
    patience: Patience, warn: Warn, *, patient: bool = False, stranger: Aws | None = None
) -> tuple[Probe, ...]:
    """Give the probes.

    Args:
        patience: How to wait.
        warn: Writes a line that stays on the screen, such as the command that repairs what is broken now.
        patient: Whether D3 is wanted, which takes as long as a message may stay in its queue.
        stranger: Who may not publish orders, for D5; without, it is left out.
    """
    probes = [_make_d1(patience, warn), _make_d2(patience, warn)]
    if patient:
        probes.append(_make_d3(patience, warn))
    if stranger:
        probes.append(_make_d5(patience, stranger))
    return tuple(probes)


def _make_d1(patience: Patience, warn: Warn) -> Probe:
    return Probe(
        id="D1",
        group=GROUP,
        asks="a release that keeps failing becomes a dead letter",
        ask=FailedCall(patience, warn).ask,
        actions=("cloudformation:ListStackResources", "lambda:InvokeFunction", *DROPPING),
        page="runbooks/ReleaseDlqNotEmpty.md",
    )


def _make_d2(patience: Patience, warn: Warn) -> Probe:
    return Probe(
        id="D2",
        group=GROUP,
        asks="an event that EventBridge may not deliver becomes a dead letter",
        ask=RevokedPermission(patience, warn).ask,
        actions=(
            "lambda:AddPermission",
            "lambda:GetPolicy",
            "lambda:RemovePermission",
            "sns:Publish",
            *stopped_execution.ACTIONS,
            *DROPPING,
        ),
        page="runbooks/ReleaseDlqNotEmpty.md",
        not_local="the local EventBridge needs no permission to call a function",
    )


def _make_d3(patience: Patience, warn: Warn) -> Probe:
    return Probe(
        id="D3",
        group=GROUP,
        asks="a mail's event that cannot be read becomes a dead letter",
        ask=UnreadableEvent(patience, warn).ask,
        actions=("sqs:SendMessage", *DROPPING),
        page="runbooks/MailEventDlqNotEmpty.md",
    )


def _make_d5(patience: Patience, stranger: Aws) -> Probe:
    return Probe(
        id="D5",
        group=GROUP,
        asks="a stranger may not publish orders",
        ask=Stranger(patience, stranger).ask,
        actions=("sns:Publish", "sts:GetCallerIdentity", *DROPPING),
        page="orders.md",
        not_local="the local AWS knows no strangers",
    )
