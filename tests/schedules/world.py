"""The whole pipeline, one AWS call at a time: the queue, the executions, EventBridge, and what an operator does.

Every method is one event that may happen at any time. What is under way is in lists, which a schedule picks from.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from functions.reserve_inventory.handler import release_abandoned, release_inventory, reserve_inventory
from functions.send_email.handler import send_confirmation
from functions.start_workflow.handler import start_workflow
from functions.update_order.handler import reject_order, update_order
from tests.functions.builders import Handler, LambdaContext, abandoned_event
from tests.functions.cloud import INVENTORY, ORDERS
from tests.schedules.cloud import Cloud, Fate, Letter
from tests.schedules.interpreter import Execution
from tests.schedules.invocations import Invocation, Killed, Reply
from tests.schedules.ledger import lines, status

FOR_EVER = 5000  # steps; a schedule leaves some hundred at most
RECEIVED_AT_MOST = 5  # times, before SQS gives a message up: infra/ingestion.py
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
class Work:
    """An invocation under way; `ended` is told of its end by whoever waits for it."""

    invocation: Invocation
    ended: Callable[[Invocation], None]
    timed_out: Callable[[], None]
    execution: str | None = None


@dataclass
class World:
    """A pipeline with nothing in it."""

    cloud: Cloud
    queue: list[Message] = field(default_factory=list)
    received: list[str] = field(default_factory=list)
    published: list[str] = field(default_factory=list)
    under_way: list[Work] = field(default_factory=list)
    late: list[Invocation] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    _numbers: Any = field(default_factory=lambda: count(1))

    # ------------------------------------------------------------------------------------------------ the shop

    def publish(self, body: str) -> None:
        self.published.append(body)
        self.queue.append(Message(body))

    # ------------------------------------------------------------------------------------------------ Lambda

    def receive(self, most: int) -> Work | None:
        """SQS hands a batch to the starter; None if that has ended without a call."""
        batch, self.queue = self.queue[:most], self.queue[most:]
        for message in batch:
            message.received += 1
            self.received.append(message.body)
        records = [
            {"messageId": str(number), "body": message.body, "eventSource": "aws:sqs", "attributes": {}}
            for number, message in enumerate(batch)
        ]

        def ended(invocation: Invocation) -> None:
            if invocation.killed or invocation.error:
                self._return(batch)
            else:
                failed = {failure["itemIdentifier"] for failure in invocation.answer["batchItemFailures"]}
                self._return([message for number, message in enumerate(batch) if str(number) in failed])

        work = Work(self._invocation(start_workflow, {"Records": records}), ended, lambda: self._return(batch))
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

        def timed_out() -> None:
            self._fail(execution, "States.Timeout", "no answer within TimeoutSeconds")

        work = Work(self._invocation(FUNCTIONS[call.function], call.payload), ended, timed_out, execution.name)
        return work if self._start(work) else None

    def refuse(self, name: str, error: str) -> None:
        """Lambda does not run the function that is due, or it crashes before its first call."""
        self._fail(self.cloud.executions[name], error, "nothing was done")

    def deliver(self, number: int) -> None:
        """EventBridge calls release_abandoned; an event whose call fails comes again."""
        event = self.events.pop(number)

        def ended(invocation: Invocation) -> None:
            if invocation.killed or invocation.error:
                self.events.append(event)

        work = Work(self._invocation(release_abandoned, event), ended, lambda: self.events.append(event))
        self._start(work)

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
        self._tell_eventbridge(execution)

    def redrive(self, name: str) -> None:
        self.cloud.executions[name].redrive()
        if not self.cloud.executions[name].running:
            self._tell_eventbridge(self.cloud.executions[name])

    # ------------------------------------------------------------------------------------------------ operators

    def redrive_dead_letters(self) -> None:
        """Send the letters without a reason back to the queue."""
        again = [letter for letter in self.cloud.dead_letters if letter.reason is None]
        self.cloud.dead_letters = [letter for letter in self.cloud.dead_letters if letter.reason is not None]
        self.queue += [Message(letter.body) for letter in again]

    def cancel(self, order_id: str) -> None:
        """Give a CONFIRMED order's stock back and write CANCELLED, in one transaction."""
        row = self.cloud.dynamodb.rows[ORDERS][order_id]
        order = {
            "TableName": ORDERS,
            "Key": {"order_id": {"S": order_id}},
            "UpdateExpression": "SET #status = :cancelled",
            "ConditionExpression": "#status = :confirmed",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": {":cancelled": {"S": "CANCELLED"}, ":confirmed": {"S": "CONFIRMED"}},
        }
        stock = [
            {
                "TableName": INVENTORY,
                "Key": {"item_id": {"S": item_id}},
                "UpdateExpression": "ADD available :quantity",
                "ExpressionAttributeValues": {":quantity": {"N": str(quantity)}},
            }
            for item_id, quantity in lines(row).items()
        ]
        with self.cloud.dynamodb.unwatched():
            self.cloud.dynamodb.transact_write_items(TransactItems=[{"Update": update} for update in (order, *stock)])

    # ------------------------------------------------------------------------------------------------ the end

    def settle(self) -> None:
        """Let everything under way come to its end, without any more faults and without an operator."""
        self.cloud.down.clear()
        steps = 0
        while self._settle_one():
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
        return status(self.cloud.dynamodb.rows[ORDERS].get(order_id))

    def _settle_one(self) -> bool:
        if self.late:
            self.step_late(0)
        elif self.cloud.in_flight:
            self.cloud.land(0)
        elif self.under_way:
            self.step(self.under_way[0])
        elif waiting := self.waiting():
            self.begin(waiting[0])
        elif self.queue:
            self.receive(10)
        elif self.events:
            self.deliver(0)
        else:
            return False
        return True

    def _invocation(self, handler: Handler, event: dict[str, Any]) -> Invocation:
        context = LambdaContext(aws_request_id=f"invocation-{next(self._numbers)}")
        return Invocation(lambda: handler(event, context), handler.__name__)

    def _start(self, work: Work) -> bool:
        self.under_way.append(work)
        work.invocation.start()
        return self._look(work)

    def _look(self, work: Work) -> bool:
        """Tell whether the invocation is still under way; if not, tell who waits for it."""
        if work.invocation.ended:
            self.under_way.remove(work)
            work.ended(work.invocation)
        return not work.invocation.ended

    def _fail(self, execution: Execution, error: str, cause: str) -> None:
        execution.fail(error, cause)
        if not execution.running:
            self._tell_eventbridge(execution)

    def _tell_eventbridge(self, execution: Execution) -> None:
        if execution.status != "SUCCEEDED":
            error = {"error": execution.error} if execution.error else {}
            self.events.append(
                abandoned_event(name=execution.name, status=execution.status, input=execution.input, **error)
            )

    def _return(self, batch: list[Message]) -> None:
        """Messages that were not acknowledged: back to the queue, or given up."""
        for message in batch:
            if message.received >= RECEIVED_AT_MOST:
                self.cloud.dead_letters.append(Letter(message.body))
            else:
                self.queue.append(message)
