"""The whole pipeline, one AWS call at a time: the queue, the executions, EventBridge, and what an operator does.

Every method is one event that may happen at any time. What is under way is in lists, which a schedule picks from.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from itertools import count
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from functions.reserve_inventory.handler import release_abandoned, release_inventory, reserve_inventory
from functions.send_email.handler import send_confirmation
from functions.shared import aws
from functions.shared.errors import TransientError
from functions.start_workflow.handler import start_workflow
from functions.track_email.handler import track_email
from functions.update_order.handler import reject_order, update_order
from ops.errors import Refused, StackError
from ops.mail.addresses import may_have_left, order_mail, resend_mail
from ops.orders.cancel import CancelStore, cancel_order
from ops.stack import Stack
from tests.functions.builders import SENT, Handler, LambdaContext, abandoned_event, mail_event
from tests.functions.cloud import INVENTORY, ORDERS
from tests.schedules.cloud import Cloud, Fate, Letter, Mail
from tests.schedules.expressions import Item
from tests.schedules.interpreter import ENDED_BADLY, Execution
from tests.schedules.invocations import Invocation, Killed, Reply
from tests.schedules.ledger import status

FOR_EVER = 5000  # steps; a schedule leaves some hundred at most
RECEIVED_AT_MOST = 5  # times, before SQS gives a message up: fewer than the queue allows, so that it happens
TRIED_AT_MOST = 3  # times, before Lambda gives an event up: infra/pipeline/workflow.py
REJECTED = "Email Rejected"
ARRIVED = {"Email Delivered", "Email Bounced", "Email Complaint Received"}
FUNCTIONS: dict[str, Handler] = {
    "UpdateOrder": update_order,
    "ReserveInventory": reserve_inventory,
    "SendEmail": send_confirmation,
    "RejectOrder": reject_order,
    "ReleaseInventory": release_inventory,
}


@dataclass
class Message:
    """A message in the order queue."""

    body: str
    received: int = 0


@dataclass
class Abandoned:
    """EventBridge's event of an execution that ended badly."""

    event: dict[str, Any]
    tries: int = 0

    @property
    def execution(self) -> str:
        return str(self.event["detail"]["name"])

    @property
    def order_id(self) -> str:
        return str(json.loads(self.event["detail"]["input"])["order_id"])


@dataclass
class Work:
    """An invocation under way; `ended` is told of its end by whoever waits for it."""

    invocation: Invocation
    ended: Callable[[Invocation], None]
    timed_out: Callable[[], None]
    execution: str | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """How an execution has ended, and its order's row at that moment."""

    execution: str
    status: str
    state: str
    row: Item | None


@dataclass
class _Sender:
    """Lambda as `orders email resend` uses it; a function that dies takes the command with it."""

    context: LambdaContext

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 — AWS's names
        assert FunctionName == "SendEmail"
        try:
            send_confirmation(json.loads(Payload), self.context)
        except Exception as error:  # noqa: BLE001 — whatever a handler raises is what Lambda reports
            raised = json.dumps({"errorType": type(error).__name__, "errorMessage": str(error)})
            return {"FunctionError": "Unhandled", "Payload": BytesIO(raised.encode())}
        return {"Payload": BytesIO(b"null")}


@dataclass
class World:
    """A pipeline with nothing in it.

    `unreleased` are the dead letters of releases, `resent` the orders whose mail a person has had sent again. With
    `lands_last`, whatever nobody waits for any more takes effect only when all else has come to rest. `drive` says how
    far a new invocation runs at once.
    """

    cloud: Cloud
    queue: list[Message] = field(default_factory=list)
    received: list[str] = field(default_factory=list)
    published: list[str] = field(default_factory=list)
    under_way: list[Work] = field(default_factory=list)
    late: list[Invocation] = field(default_factory=list)
    events: list[Abandoned] = field(default_factory=list)
    unreleased: list[Abandoned] = field(default_factory=list)
    resent: set[str] = field(default_factory=set)
    lands_last: bool = False
    mail_queue: list[Message] = field(default_factory=list)
    untold: list[str] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    drive: Callable[[Invocation], None] = Invocation.start
    _numbers: Any = field(default_factory=lambda: count(1))

    # ------------------------------------------------------------------------------------------------ the shop

    def publish(self, body: str) -> None:
        self.published.append(body)
        self.queue.append(Message(body))

    # ------------------------------------------------------------------------------------------------ Lambda

    def receive(self, most: int) -> Work | None:
        """SQS hands a batch to the starter; None if that has ended without a call."""
        batch, self.queue = self.queue[:most], self.queue[most:]
        self.received += [message.body for message in batch]
        return self._read(start_workflow, batch, self._return)

    def track(self, most: int) -> Work | None:
        """SQS hands events of mails to the function that tracks them; None likewise."""
        batch, self.mail_queue = self.mail_queue[:most], self.mail_queue[most:]
        return self._read(track_email, batch, self._return_events)

    def _read(self, handler: Handler, batch: list[Message], back: Callable[[list[Message]], None]) -> Work | None:
        """Hand a batch to a function; `back` is given what was not acknowledged."""
        for message in batch:
            message.received += 1
        records = [
            {"messageId": str(number), "body": message.body, "eventSource": "aws:sqs", "attributes": SENT}
            for number, message in enumerate(batch)
        ]

        def ended(invocation: Invocation) -> None:
            if invocation.killed or invocation.error:
                back(batch)
            else:
                failed = {failure["itemIdentifier"] for failure in invocation.answer["batchItemFailures"]}
                back([message for number, message in enumerate(batch) if str(number) in failed])

        work = Work(self._invocation(handler, {"Records": records}), ended, lambda: back(batch))
        return work if self._start(work) else None

    def begin(self, name: str) -> Work | None:
        """An execution calls the function that is due; None if it has ended without a call."""
        execution = self.cloud.executions[name]
        call = execution.call()

        def ended(invocation: Invocation) -> None:
            if invocation.killed:
                self._fail(execution, "Sandbox.Timedout", "the invocation has ended")
            elif invocation.error:
                kind = type(invocation.error).__name__
                self._fail(execution, kind, json.dumps({"errorType": kind, "errorMessage": str(invocation.error)}))
            else:
                execution.succeed()
                self._note_end(execution)

        def timed_out() -> None:
            self._fail(execution, "States.Timeout", "no answer within TimeoutSeconds")

        work = Work(self._invocation(FUNCTIONS[call.function], call.payload), ended, timed_out, execution.name)
        return work if self._start(work) else None

    def refuse(self, name: str, error: str) -> None:
        """Lambda does not run the function that is due, or it crashes before its first call."""
        self._fail(self.cloud.executions[name], error, "nothing was done")

    def deliver(self, number: int) -> Work | None:
        """EventBridge calls release_abandoned; an event whose call fails comes again, or is a dead letter."""
        event = self.events.pop(number)

        def failed() -> None:
            event.tries += 1
            (self.events if event.tries < TRIED_AT_MOST else self.unreleased).append(event)

        def ended(invocation: Invocation) -> None:
            if invocation.killed or invocation.error:
                failed()

        work = Work(self._invocation(release_abandoned, event.event), ended, failed)
        return work if self._start(work) else None

    def step(self, work: Work, fate: Fate = Fate.DONE) -> None:
        """Let an invocation's pending call have its fate."""
        assert work.invocation.pending
        work.invocation.proceed(self.cloud.reply(work.invocation.pending, fate))
        self._look(work)

    def time_out(self, work: Work) -> None:
        """Nobody waits for the invocation any longer; it goes on all the same, some time."""
        self.under_way.remove(work)
        self.late.append(work.invocation)
        work.timed_out()

    def step_late(self, number: int, fate: Fate = Fate.DONE) -> None:
        invocation = self.late[number]
        assert invocation.pending
        invocation.proceed(self.cloud.reply(invocation.pending, fate))
        if invocation.ended:
            self.late.pop(number)

    # ------------------------------------------------------------------------------------------------ Step Functions

    def waiting(self) -> list[str]:
        """The executions that run and whose function is not under way."""
        busy = {work.execution for work in self.under_way}
        return [name for name, execution in self.cloud.executions.items() if execution.running and name not in busy]

    def stop(self, name: str, how: str) -> None:
        """An execution is stopped or times out; its invocation goes on without it."""
        execution = self.cloud.executions[name]
        execution.stop(how)
        for work in [work for work in self.under_way if work.execution == name]:
            self.under_way.remove(work)
            self.late.append(work.invocation)
        self._note_end(execution)

    def redrive(self, name: str) -> None:
        self.cloud.executions[name].redrive()
        self._note_end(self.cloud.executions[name])

    def stand_at(self, name: str, state: str) -> None:
        """Put an execution before a state, or at the end that this state is."""
        self.cloud.executions[name].stand_at(state)
        self._note_end(self.cloud.executions[name])

    # ------------------------------------------------------------------------------------------------ SES

    def tell(self, mail: Mail, kind: str) -> None:
        """Let SES send an event of a mail, as far as it can be: what was rejected does not arrive."""
        if (kind == REJECTED and mail.told & ARRIVED) or (kind in ARRIVED and REJECTED in mail.told):
            return
        if kind == REJECTED and REJECTED not in mail.told:
            self.cloud.ledger.keep_mail(mail.order_id)
        mail.told.add(kind)
        body = mail_event(kind, mail={"messageId": mail.message_id, "tags": mail.tags})
        self.mail_queue.append(Message(body))

    def kept(self, order_id: str) -> bool:
        """Tell whether SES has taken a mail of this order and kept it."""
        return any(mail.order_id == order_id and REJECTED in mail.told for mail in self.cloud.mails)

    # ------------------------------------------------------------------------------------------------ operators

    def redrive_dead_letters(self) -> None:
        """Send the letters without a reason back to their queues."""
        self.mail_queue += map(Message, self.untold)
        self.untold.clear()
        again = [letter for letter in self.cloud.dead_letters if letter.reason is None]
        self.cloud.dead_letters = [letter for letter in self.cloud.dead_letters if letter.reason is not None]
        self.queue += [Message(letter.body) for letter in again]

    def cancel(self, order_id: str) -> Work | None:
        """Run `orders cancel`, which may stand at any of its calls as everything else does."""
        store = CancelStore(aws.make_client("dynamodb"), orders=ORDERS, inventory=INVENTORY)
        return self._by_hand(lambda: cancel_order(store, order_id, "a reason"), "cancel")

    def resend(self, order_id: str, *, asked: bool = False, another: bool = False) -> Work | None:
        """Run `orders email resend`; a mail that may have left only where the customer was `asked`, and has none.

        Or where the customer wants `another` one.
        """
        ledger, claim = self.cloud.ledger, f"invocation-{next(self._numbers)}"

        def act() -> None:
            order = order_mail(stack, order_id)
            if another or not may_have_left(order) or (asked and not ledger.mails[order_id]):
                self.resent.add(order_id)
                ledger.by_hand.add(claim)
                ledger.approved[order_id] += another
                resend_mail(stack, order)

        sender = _Sender(LambdaContext(aws_request_id=claim))
        outputs = {"OrdersTableName": ORDERS, "SendEmailFunctionArn": "SendEmail"}
        clients = {"dynamodb": aws.make_client("dynamodb"), "lambda": sender}
        stack = Stack("schedule", "us-west-2", SimpleNamespace(client=clients.__getitem__), outputs)
        return self._by_hand(act, "resend")

    # ------------------------------------------------------------------------------------------------ the end

    def settle(self) -> None:
        """Let everything end without an operator: first while what is down stays down, then without any faults."""
        steps = 0
        while self._settle_one() or self._end_outage():
            steps += 1
            assert steps < FOR_EVER, "what is left goes round in circles"

    def close(self) -> None:
        """End every invocation where it stands."""
        for invocation in [*(work.invocation for work in self.under_way), *self.late]:
            while not invocation.ended:
                invocation.proceed(Reply(error=Killed()))
        self.under_way.clear()
        self.late.clear()

    def status(self, order_id: str) -> str | None:
        return status(self._order(order_id))

    def _order(self, order_id: str) -> Item | None:
        return self.cloud.dynamodb.rows[ORDERS].get(order_id)

    def unreleased_of(self, order_id: str) -> Execution | None:
        """Give the order's newest execution if it ended badly and its release is a dead letter; else None."""
        newest = max(
            (one for one in self.cloud.executions.values() if one.order["order_id"] == order_id),
            key=lambda execution: int(execution.order["attempt"]),
            default=None,
        )
        named = newest and any(event.execution == newest.name for event in self.unreleased)
        return newest if named and newest and newest.status in ENDED_BADLY else None

    def _end_outage(self) -> bool:
        """Tell whether there was one."""
        was_down = bool(self.cloud.down)
        self.cloud.down.clear()
        return was_down

    def _settle_one(self) -> bool:
        return self._move() or self._land() if self.lands_last else self._land() or self._move()

    def _land(self) -> bool:
        """Let something take effect that nobody waits for any more."""
        if self.late:
            self.step_late(0)
        elif self.cloud.in_flight:
            self.cloud.land(0)
        else:
            return False
        return True

    def _move(self) -> bool:
        if self.under_way:
            self.step(self.under_way[0])
        elif waiting := self.waiting():
            self.begin(waiting[0])
        elif self.queue:
            self.receive(10)
        elif self.events:
            self.deliver(0)
        elif self.mail_queue:
            self.track(10)
        else:
            return False
        return True

    def _invocation(self, handler: Handler, event: dict[str, Any]) -> Invocation:
        context = LambdaContext(aws_request_id=f"invocation-{next(self._numbers)}")
        return Invocation(lambda: handler(event, context), handler.__name__)

    def _by_hand(self, act: Callable[[], Any], name: str) -> Work | None:
        """Let a person do something; how it ends, only that person is told, in words and never by a crash."""

        def ended(invocation: Invocation) -> None:
            told = (Refused, StackError, TransientError, ClientError, BotoCoreError)
            assert invocation.killed or invocation.error is None or isinstance(invocation.error, told), invocation.error

        work = Work(Invocation(act, name), ended, lambda: None)
        return work if self._start(work) else None

    def _start(self, work: Work) -> bool:
        self.under_way.append(work)
        self.drive(work.invocation)
        return self._look(work)

    def _look(self, work: Work) -> bool:
        """Tell whether the invocation is still under way; if not, tell who waits for it."""
        if work.invocation.ended:
            self.under_way.remove(work)
            work.ended(work.invocation)
        return not work.invocation.ended

    def _fail(self, execution: Execution, error: str, cause: str) -> None:
        execution.fail(error, cause)
        self._note_end(execution)

    def _note_end(self, execution: Execution) -> None:
        """Remember how an execution has ended and its order's row then; EventBridge is told of one that ended badly."""
        if execution.running:
            return
        order_id = json.loads(execution.input)["order_id"]
        self.ended.append(Ended(execution.name, execution.status, execution.state, self._order(order_id)))
        if execution.status != "SUCCEEDED":
            error = {"error": execution.error} if execution.error else {}
            event = abandoned_event(name=execution.name, status=execution.status, input=execution.input, **error)
            self.events.append(Abandoned(event))

    def _return(self, batch: list[Message]) -> None:
        """Messages that were not acknowledged: back to the queue, or given up."""
        for message in batch:
            if message.received >= RECEIVED_AT_MOST:
                self.cloud.dead_letters.append(Letter(message.body))
            else:
                self.queue.append(message)

    def _return_events(self, batch: list[Message]) -> None:
        for message in batch:
            if message.received >= RECEIVED_AT_MOST:
                self.untold.append(message.body)
            else:
                self.mail_queue.append(message)
