"""The whole pipeline in one process: queue, starter, the real state machine and handlers, EventBridge's event.

One thing happens at a time and in one order, so that a schedule is its plan of faults and nothing else: an execution
waits before its first state until it is its turn, then runs to its end.
"""

import json
import logging
import re
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import StringIO
from threading import Event
from types import SimpleNamespace
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.retries.quota import RetryQuota
from moto.dynamodb.models import dynamodb_backends
from moto.ses.models import ses_backends
from moto.sqs.models import sqs_backends
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from functions.reserve_inventory.handler import release_abandoned
from functions.shared.observability import logger
from functions.start_workflow.handler import start_workflow
from functions.start_workflow.workflow import dead_letters, workflow
from functions.track_email.handler import track_email
from tests.faults.invariants import ENDED_BADLY, DeadLetter, Execution, World, stock
from tests.faults.wire import Call, Killed, Kind, Wire
from tests.functions.builders import mail_event, sqs_event
from tests.functions.cloud import _plain
from tests.statemachine.machine import (
    ACCOUNT,
    HANDLERS,
    INVENTORY,
    LONGEST_RUN,
    ORDERS,
    REGION,
    STATE_OF,
    Fault,
    Handler,
    Machine,
    Run,
    failed_try,
    invoke,
)

STARTER, RELEASER, TRACKER = "StartWorkflow", "ReleaseAbandoned", "TrackEmail"
FUNCTIONS: dict[str, Handler] = {
    **HANDLERS,
    STARTER: start_workflow,
    RELEASER: release_abandoned,
    TRACKER: track_email,
}
MAX_RECEIVES = 5  # fewer than infra/pipeline/queues.py allows, so that what fails for long ends soon
ASYNC_TRIES = 3  # infra/pipeline/workflow.py: Lambda's first try and two more
BATCH = 10

# What a dashboard, an alarm or a search for warnings shows; the other metrics count the ordinary course of business.
TROUBLE = {"StepsRetried", "OrdersFailed", "OrdersRefused", "MailsRefused", "MailsUnknown"}
REJECTED = "Email Rejected"

_SUBJECT = re.compile(r"Your order (.*) is confirmed")


@dataclass
class _Message:
    body: str
    receives: int = 0


@dataclass
class _Event:
    """EventBridge's event of an execution that ended badly, as an asynchronous invocation."""

    detail: dict[str, Any]
    tries: int = 0


@dataclass
class _State:
    """All that a schedule leaves behind outside of moto."""

    initial: dict[str, int] = field(default_factory=dict)
    published: list[str] = field(default_factory=list)
    queue: deque[_Message] = field(default_factory=deque)
    moved: list[str] = field(default_factory=list)
    events: deque[_Event] = field(default_factory=deque)
    told: tuple[str, ...] = ()
    stopped_at: str | None = None
    mail_events: deque[_Message] = field(default_factory=deque)
    untold: list[str] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)
    mail_seen: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))
    unreleased: list[str] = field(default_factory=list)
    seen: dict[str, list[tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))
    gates: dict[str, Event] = field(default_factory=dict)
    traces: Counter[str] = field(default_factory=Counter)
    metrics: Counter[str] = field(default_factory=Counter)
    blocked: set[str] = field(default_factory=set)
    broken: list[str] = field(default_factory=list)
    unseen: list[Call] = field(default_factory=list)
    faults: dict[str, list[Fault]] = field(default_factory=dict)


class Pipeline(Machine):
    """The machine with all that stands around it; made in an active `mock_aws`, and `reset` before use."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.wire = Wire(after=self._watch)
        patch.setattr(botocore.session, "get_session", self.wire.session)
        patch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _seconds: None))
        # A client that has met many faults tries less often; here each schedule meets a client that has met none.
        patch.setattr(RetryQuota, "acquire", lambda _quota, _amount: True)
        self._printed = StringIO()
        for handler in logging.getLogger(logger.name).handlers:
            patch.setattr(handler, "stream", self._printed)
        self._now = _State()
        super().__init__(patch)
        self._dlq = boto3.client("sqs").create_queue(QueueName="order-dlq")["QueueUrl"]
        patch.setenv("STATE_MACHINE_ARN", self._arn)
        patch.setenv("ORDER_DLQ_URL", self._dlq)
        workflow.cache_clear()
        dead_letters.cache_clear()

    # ------------------------------------------------------------------------------------------------ the schedule

    def reset(self) -> None:
        self.wire.reset()
        self._now = _State()
        super().reset()
        self._executions().clear()
        sqs_backends[ACCOUNT][REGION].queues["order-dlq"]._messages.clear()

    def begin(
        self,
        stock: Mapping[str, int],
        plan: Mapping[Call, Kind],
        faults: Mapping[str, Iterable[Fault]] | None = None,
        told: Iterable[str] = (),
        stopped_at: str | None = None,
    ) -> None:
        """Put stock in; from here on the planned faults strike, and `faults` at the first tries of their states.

        `told` are the events that SES sends of each mail it takes, in the order in which they come. The first
        execution that comes to the state `stopped_at` is stopped there.
        """
        self.stock(**stock)
        self._now.initial = dict(stock)
        self._now.told = tuple(told)
        self._now.stopped_at = stopped_at
        self.wire.plan.update(plan)
        self._now.faults = {state: list(planned) for state, planned in (faults or {}).items()}

    def publish(self, body: str) -> None:
        self._now.published.append(body)
        self._now.queue.append(_Message(body))

    def work(self) -> None:
        """Let everything run until nothing is left to do."""
        now = self._now
        while True:
            if running := [execution for execution in self._executions() if execution.status == "RUNNING"]:
                self._execute(running[0])
            elif now.events:
                self._release(now.events.popleft())
            elif now.queue:
                self._deliver(STARTER, now.queue, now.moved)
            elif now.mail_events:
                self._track()
            elif not self._land_at_rest():
                break
        assert not now.broken, "\n".join(now.broken)

    def mend(self) -> None:
        """Turn all faults off, and do what needs no thought: messages without a reason go back to the queue."""
        self.wire.plan.clear()
        self._now.faults.clear()
        self._now.blocked.clear()
        self._now.stopped_at = None
        self._now.queue.extend(_Message(body) for body in self._now.moved)
        self._now.moved.clear()
        self._now.mail_events.extend(_Message(body) for body in self._now.untold)
        self._now.untold.clear()

    def drop_releases(self) -> None:
        """Drop the dead letters of releases, as an operator does once their orders are published again."""
        self._now.unreleased.clear()

    def land_all(self) -> None:
        """Let every request that is still under way reach AWS, at the very end."""
        for late in [*self.wire.late]:
            self.wire.land(late)
        self.work()

    def forget_executions(self) -> None:
        """90 days later: Step Functions knows none of the executions any more, and their names are free."""
        self._executions().clear()

    # ------------------------------------------------------------------------------------------------ what it left

    @property
    def unseen(self) -> tuple[Call, ...]:
        """The calls that were struck without that anything of it could be seen."""
        return tuple(self._now.unseen)

    def world(self) -> World:
        tables = dynamodb_backends[ACCOUNT][REGION].tables
        items = {name: [_row(item) for item in tables[name].all_items()] for name in (ORDERS, INVENTORY)}
        letters = sqs_backends[ACCOUNT][REGION].queues["order-dlq"]._messages
        return World(
            initial=self._now.initial,
            available={row["item_id"]: row["available"] for row in items[INVENTORY]},
            orders={row["order_id"]: row for row in items[ORDERS]},
            mailed=[
                order_id
                for mail in ses_backends[ACCOUNT][REGION].sent_messages
                if (order_id := _order_of(mail.subject)) not in self._now.rejected
            ],
            rejected=self._now.rejected,
            untold=self._now.untold,
            executions=[Execution(x.name, str(x.status), x.execution_input) for x in self._executions()],
            published=self._now.published,
            queued=[message.body for message in self._now.queue],
            dead_letters=[
                *(DeadLetter(x.body, x.message_attributes["error_type"]["StringValue"]) for x in letters),
                *map(DeadLetter, self._now.moved),
            ],
            unreleased=self._now.unreleased,
            seen=self._now.seen,
            mail_seen=self._now.mail_seen,
        )

    # ------------------------------------------------------------------------------------------------ what moves

    def _deliver(self, function: str, queue: deque[_Message], dead: list[str]) -> None:
        """Hand a batch to the function that reads the queue."""
        batch = [queue.popleft() for _ in range(min(BATCH, len(queue)))]
        answer = self._call(function, sqs_event(*(message.body for message in batch)))
        failed = range(len(batch))
        if answer is not None and "FunctionError" not in answer:
            failures = answer["Payload"]["batchItemFailures"]
            failed = [int(failure["itemIdentifier"].removeprefix("message-")) for failure in failures]
        for number in failed:
            message = batch[number]
            message.receives += 1
            if message.receives < MAX_RECEIVES:
                queue.append(message)
            else:
                dead.append(message.body)
                self._now.traces["dead letter without a reason"] += 1

    def _track(self) -> None:
        """Hand out what SES tells of mails; whatever comes of it, all but the mail's own attributes stays."""
        before = self.world()
        self._deliver(TRACKER, self._now.mail_events, self._now.untold)
        after = self.world()
        if after.available != before.available or _without_mail(after.orders) != _without_mail(before.orders):
            self._now.broken.append(f"an event of a mail changed more than the mail: {before} to {after}")

    def _execute(self, execution: Any) -> None:
        self._run = run = Run({state: iter(plan) for state, plan in self._now.faults.items()})
        self._now.faults = {}
        self._gate(execution.name).set()
        assert run.ended.wait(LONGEST_RUN), f"the execution {execution.name} hangs at {run.state}"
        if execution.status in ENDED_BADLY:
            self._now.traces[f"execution {execution.status}"] += 1
            detail = {"name": execution.name, "status": execution.status, "input": execution.execution_input}
            self._now.events.append(_Event(detail))

    def _gate(self, execution: str) -> Event:
        """What an execution waits for; `setdefault`, since it may ask at the same time as its turn comes."""
        return self._now.gates.setdefault(execution, Event())

    def _release(self, event: _Event) -> None:
        event.tries += 1
        answer = self._call(RELEASER, {"detail": event.detail})
        if answer is not None and "FunctionError" not in answer:
            return
        if event.tries < ASYNC_TRIES:
            self._now.events.append(event)
        else:
            self._now.unreleased.append(event.detail["name"])

    def _answer(self, parameters: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Answer for Lambda, once it is the execution's turn."""
        payload = json.loads(parameters["Payload"])
        assert self._gate(payload["execution"]).wait(LONGEST_RUN), "never its turn"
        function = parameters["FunctionName"].rsplit(":", 1)[1]
        state, run = STATE_OF[function], self._run
        run.state = state
        run.tries[state] = run.tries.get(state, 0) + 1
        if state == self._now.stopped_at:
            self._now.stopped_at = None
            self._execution(payload["execution"]).stop(stop_date=datetime.now(UTC), error=None, cause=None)
            return {"StatusCode": 200, "Payload": None}  # to nobody: an error here would end it in another way
        fault = next(run.faults.get(state, iter(())), None) or Fault()
        answer = self._call(function, payload) if fault.error is None or fault.done else None
        if fault.error is not None:
            self._now.traces[f"failed try of {state}"] += 1
            return failed_try(fault.error)
        return (
            failed_try("RuntimeError" if function in self._now.blocked else "Sandbox.Timedout")
            if answer is None
            else answer
        )

    def _call(self, function: str, event: Mapping[str, Any]) -> dict[str, Any] | None:
        """Invoke a function; None if its process was killed."""
        now = self._now
        if function in now.blocked:
            now.traces[f"failed invocation of {function}"] += 1
            return None
        self.wire.invoked(function)
        struck, before = len(self.wire.struck), now.traces.total()
        answer = None
        try:
            with redirect_stdout(self._printed):
                answer = invoke(FUNCTIONS[function], json.dumps(event).encode())
        except Killed:
            late = self.wire.late and self.wire.late[-1]
            if late and late.kind is Kind.LATE_RELEASE and late.call == self.wire.calls[-1]:
                now.blocked.add(function)
        finally:
            self.wire.returned()
        self._read_output(killed=answer is None)
        if answer is None or "FunctionError" in answer:
            now.traces[f"failed invocation of {function}"] += 1
        if now.traces.total() == before:
            now.unseen += self.wire.struck[struck:]
        if answer is not None:
            self._land_after(function, succeeded="FunctionError" not in answer)
        return answer

    def _read_output(self, *, killed: bool) -> None:
        """Count what the invocation printed; metrics come last, which a killed one does not reach."""
        for line in map(json.loads, self._printed.getvalue().splitlines()):
            if "_aws" not in line:
                if line["level"] in ("WARNING", "ERROR"):
                    self._now.traces[f"log {line['level']}: {line['message']}"] += 1
            elif not killed:
                names = [
                    metric["Name"] for directive in line["_aws"]["CloudWatchMetrics"] for metric in directive["Metrics"]
                ]
                self._now.metrics.update(names)
                self._now.traces.update(f"metric {name}" for name in names if name in TROUBLE)
        self._printed.seek(0)
        self._printed.truncate()

    # ------------------------------------------------------------------------------------------------ late calls

    def _land_after(self, function: str, *, succeeded: bool) -> None:
        for late in [*self.wire.late]:
            own = late.call.function == function
            released = succeeded and function in ("ReleaseInventory", RELEASER) and not own
            if (late.kind is Kind.LATE_RETRY and own) or (late.kind is Kind.LATE_RELEASE and released):
                self._land(late)

    def _land_at_rest(self) -> bool:
        due = [late for late in self.wire.late if late.kind is not Kind.LATE_END]
        for late in due:
            self._land(late)
        return bool(due)

    def _land(self, late: Any) -> None:
        self._now.blocked.discard(late.call.function)
        self.wire.land(late)

    # ------------------------------------------------------------------------------------------------ what is there

    def _executions(self) -> list[Any]:
        return stepfunctions_parser_backends[ACCOUNT][REGION].describe_state_machine(self._arn).executions

    def _execution(self, name: str) -> Any:
        return next(execution for execution in self._executions() if execution.name == name)

    def _watch(self) -> None:
        """See after every write that the books are right, and remember each order's status and its mail's."""
        self._tell_of_mails()
        world = self.world()
        self._now.broken += [f"for a moment: {what}" for what in stock(world)]
        for order_id, row in world.orders.items():
            step, seen = (row["attempt"], row["status"]), self._now.seen[order_id]
            if not seen or seen[-1] != step:
                seen.append(step)
            mail, mail_seen = (row.get("email_claim", ""), row.get("email_status", "")), self._now.mail_seen[order_id]
            if mail[1] and (not mail_seen or mail_seen[-1] != mail):
                mail_seen.append(mail)

    def _tell_of_mails(self) -> None:
        """Let SES send its events of the mails that it has just taken."""
        while self.wire.mailed:
            message_id, tags = self.wire.mailed.pop(0)
            for kind in self._now.told:
                body = mail_event(kind, mail={"messageId": message_id, "tags": tags})
                self._now.mail_events.append(_Message(body))
                self._now.rejected += tags["order_id"] if kind == REJECTED else []


def _row(item: Any) -> dict[str, Any]:
    return {name: _plain(value) for name, value in item.attrs.items()}


def _without_mail(orders: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        order_id: {name: value for name, value in row.items() if not name.startswith(("email_", "updated_at"))}
        for order_id, row in orders.items()
    }


def _order_of(subject: str) -> str:
    found = _SUBJECT.fullmatch(subject)
    assert found, subject
    return found[1]
