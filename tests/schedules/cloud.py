"""The AWS that the functions of a schedule see: one account in memory, and what can go wrong on the way to it."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

import pytest
from aws_lambda_powertools.utilities.batch import EventType
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError

import functions.start_workflow.attempts as starting
from functions.shared import aws, batch
from functions.shared.observability import logger, metrics
from tests.clients import forget_clients, forget_stores
from tests.functions.cloud import INVENTORY, ORDERS, SENDER
from tests.schedules.dynamodb import DynamoDB, cancelled, error
from tests.schedules.interpreter import ENDED_BADLY, Execution
from tests.schedules.invocations import Client, Killed, Reply, Request, close_workers
from tests.schedules.ledger import Ledger, status
from tools.insides.powertools import ProcessorPerThread, metrics_added_by

STATE_MACHINE = "arn:aws:states:us-west-2:123456789012:stateMachine:orders"


class Fate(Enum):
    """What becomes of one try of a call. Of those that end in DIES, the invocation ends with it."""

    DONE = "done"
    THROTTLED = "refused: throttled"
    DENIED = "refused: not allowed"
    INVALID = "refused: not valid"
    CONFLICT = "refused: another transaction is at these rows"
    UNREACHABLE = "never arrives"
    FAULT = "a fault of the service, nothing done"
    DONE_FAULT = "done, answered with a fault"
    STALE = "answered with what was a moment ago"
    LOST = "done, the answer is lost"
    DELAYED = "no answer, and it takes effect later"
    DIES = "the invocation ends before the call"
    DONE_DIES = "done, and the invocation ends"
    DELAYED_DIES = "the invocation ends, and the call takes effect later"

    @property
    def done(self) -> bool:
        return self in (Fate.DONE, Fate.DONE_FAULT, Fate.STALE, Fate.LOST, Fate.DONE_DIES)

    @property
    def later(self) -> bool:
        return self in (Fate.DELAYED, Fate.DELAYED_DIES)

    @property
    def dies(self) -> bool:
        return self in (Fate.DIES, Fate.DONE_DIES, Fate.DELAYED_DIES)


@dataclass
class Letter:
    """A dead letter; one without a reason came from SQS itself."""

    body: str
    reason: str | None = None


@dataclass
class Mail:
    """A mail that SES has taken: its tags, and the events that SES has told of it so far."""

    message_id: str
    order_id: str
    tags: dict[str, list[str]]
    told: set[str] = field(default_factory=set)


@dataclass
class Cloud:
    """One account. `down` names the services that are out of reach; `unverified` the addresses that SES refuses."""

    most_retries: int = 1
    ledger: Ledger = field(default_factory=Ledger)
    executions: dict[str, Execution] = field(default_factory=dict)
    dead_letters: list[Letter] = field(default_factory=list)
    mails: list[Mail] = field(default_factory=list)
    down: set[str] = field(default_factory=set)
    unverified: set[str] = field(default_factory=set)
    in_flight: list[Request] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    faults: Counter[Fate] = field(default_factory=Counter)
    warnings: int = 0  # in the functions' logs

    def __post_init__(self) -> None:
        self.dynamodb = DynamoDB({ORDERS: "order_id", INVENTORY: "item_id"}, self.ledger.watch)
        self._seconds = 0

    # ------------------------------------------------------------------------------------------------ operators

    def restock(self, item_id: str, pieces: int) -> None:
        row = self.dynamodb.rows[INVENTORY].get(item_id, {"available": {"N": "0"}})
        self.ledger.supply[item_id] += pieces
        self.dynamodb.put(
            INVENTORY, {"item_id": {"S": item_id}, "available": {"N": str(int(row["available"]["N"]) + pieces)}}
        )

    def now(self) -> datetime:
        """A clock that never stands still, so that no two events share a moment."""
        self._seconds += 1
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self._seconds)

    # ------------------------------------------------------------------------------------------------ the wire

    def reply(self, request: Request, fate: Fate) -> Reply:
        """Let a try have its fate, and give what the invocation sees of it."""
        self.calls[str(request)] += 1
        if request.service in self.down and not fate.dies:
            fate = Fate.UNREACHABLE
        if fate is Fate.CONFLICT and request.operation != "transact_write_items":
            fate = Fate.THROTTLED
        if fate is Fate.STALE and request.operation != "describe_execution":  # nothing else is eventually consistent
            fate = Fate.DONE
        if fate is not Fate.DONE:
            self.faults[fate] += 1
        reply = Reply()
        if fate.done:
            try:
                answer = self.perform(request)
                reply = Reply(answer=answer | {"status": "RUNNING"} if fate is Fate.STALE else answer)
            except ClientError as refused:
                reply = Reply(error=refused)
        elif fate.later:
            self.in_flight.append(request)
        if fate.dies:
            return Reply(error=Killed())
        return Reply(error=_ERRORS[fate](request)) if fate in _ERRORS else reply

    def land(self, number: int) -> None:
        """A request that was on its way all the time takes effect; nobody waits for its answer."""
        request = self.in_flight.pop(number)
        with suppress(ClientError):  # refused, as late requests mostly are
            self.perform(request)

    def perform(self, request: Request) -> Any:
        return getattr(self, f"_{request.operation}")(request)

    # ------------------------------------------------------------------------------------------------ the services

    def _get_item(self, request: Request) -> Any:
        return self.dynamodb.get_item(**request.parameters)

    def _update_item(self, request: Request) -> Any:
        return self.dynamodb.update_item(**request.parameters)

    def _transact_write_items(self, request: Request) -> Any:
        return self.dynamodb.transact_write_items(**request.parameters, ClientRequestToken=request.token)

    def _start_execution(self, request: Request) -> Any:
        name, content = request.parameters["name"], request.parameters["input"]
        existing = self.executions.get(name)
        if existing is None:
            existing = Execution(name, content, self.now(), self.most_retries)
            self.executions[name] = existing
        elif not existing.running or existing.input != content:
            raise error("ExecutionAlreadyExists", "taken", "StartExecution")
        return {"startDate": existing.started}

    def _describe_execution(self, request: Request) -> Any:
        name = request.parameters["executionArn"].rpartition(":")[2]
        execution = self.executions[name]
        return {"status": execution.status, "input": execution.input}

    def _send_message(self, request: Request) -> Any:
        attributes = request.parameters["MessageAttributes"]
        reason = ": ".join(attributes[name]["StringValue"] for name in ("error_type", "error_message"))
        self.dead_letters.append(Letter(request.parameters["MessageBody"], reason))
        return {}

    def _send_email(self, request: Request) -> Any:
        (address,) = request.parameters["Destination"]["ToAddresses"]
        assert request.parameters["FromEmailAddress"] == SENDER
        if address in self.unverified:
            raise error("MessageRejected", f"Email address is not verified: {address}", "SendEmail")
        subject = request.parameters["Content"]["Simple"]["Subject"]["Data"]
        order_id = subject.removeprefix("Your order ").removesuffix(" is confirmed")
        assert status(self.dynamodb.rows[ORDERS][order_id]) == "CONFIRMED", f"a mail for {order_id}"
        self.ledger.mail(order_id)
        tags = {tag["Name"]: [tag["Value"]] for tag in request.parameters["EmailTags"]}
        self.mails.append(Mail(f"mail-{len(self.mails) + 1}", order_id, tags))
        return {"MessageId": self.mails[-1].message_id}

    def failed_executions(self) -> list[Execution]:
        return [execution for execution in self.executions.values() if execution.status in ENDED_BADLY]


def _conflict(request: Request) -> Exception:
    others = [{"Code": "None"}] * (len(request.parameters["TransactItems"]) - 1)
    return cancelled([*others, {"Code": "TransactionConflict"}])


def _fault(request: Request) -> Exception:
    return error("InternalServerError", "our fault", request.operation, status=500)


def _no_answer(request: Request) -> Exception:
    return ReadTimeoutError(endpoint_url=request.service)


# What the invocation sees instead of an answer.
_ERRORS: dict[Fate, Callable[[Request], Exception]] = {
    Fate.THROTTLED: lambda request: error("ThrottlingException", "slow down", request.operation),
    Fate.DENIED: lambda request: error("AccessDeniedException", "no", request.operation),
    Fate.INVALID: lambda request: error("ValidationException", "no such thing", request.operation),
    Fate.CONFLICT: _conflict,
    Fate.UNREACHABLE: lambda request: ConnectTimeoutError(endpoint_url=request.service),
    Fate.FAULT: _fault,
    Fate.DONE_FAULT: _fault,
    Fate.LOST: _no_answer,
    Fate.DELAYED: _no_answer,
}


class Account:
    """What the functions are connected to for good; each schedule puts its own cloud there."""

    def __init__(self) -> None:
        self.cloud = Cloud()

    def create_client(self, service: str, *, config: Any) -> Client:
        return Client(service, config.retries["total_max_attempts"], self._perform)

    def now(self) -> datetime:
        return self.cloud.now()

    def _perform(self, request: Request) -> Any:
        return self.cloud.perform(request)

    def add_metric(self, name: str, value: float, **_: Any) -> None:
        self.cloud.counted[name] += int(value)


class _Warnings(logging.Handler):
    """Counts what the functions warn of, in the cloud of the moment."""

    def __init__(self, account: Account) -> None:
        super().__init__(logging.WARNING)
        self._account = account

    def emit(self, _record: logging.LogRecord) -> None:
        self._account.cloud.warnings += 1


@contextmanager
def connected() -> Iterator[Account]:
    """Connect the functions to an account of this module, and leave them as they were."""
    account = Account()
    environment = {
        "ORDERS_TABLE": ORDERS,
        "INVENTORY_TABLE": INVENTORY,
        "SENDER_EMAIL": SENDER,
        "STATE_MACHINE_ARN": STATE_MACHINE,
        "ORDER_DLQ_URL": "dead-letters",
    }
    level = logger.log_level
    with pytest.MonkeyPatch.context() as patch, metrics_added_by(metrics, account.add_metric):
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.setattr(aws, "_make_session", lambda: account)
        patch.setattr(starting, "_current_time", account.now)
        processor = ProcessorPerThread(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        patch.setattr(batch, "_processor", processor)
        patch.setattr(logging.getLogger(logger.name), "handlers", [_Warnings(account)])
        logger.setLevel(logging.WARNING)
        _forget()
        try:
            yield account
        finally:
            close_workers()
            logger.setLevel(level)
    _forget()


def _forget() -> None:
    forget_clients()
    forget_stores()
