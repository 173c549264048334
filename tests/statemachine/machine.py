"""The real state machine on moto's interpreter, with the real handlers: AWS's part of the workflow, in one process.

A Task calls its handler through AWS's own runtime client, so an exception's class becomes the error's name exactly as
on Lambda. Waits are recorded and not waited. A plan of faults says what goes wrong at which try of which state.

What moto lacks, `tools.insides.interpreter` adds: the handlers themselves, and an end that can be waited for. All else
that the definition uses, moto has: CausePath, MaxDelaySeconds, JitterStrategy, `$$.State.RetryCount`, any class as an
error's name.
"""

import json
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from threading import Event
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from functions.reserve_inventory.handler import release_abandoned, release_inventory, reserve_inventory
from functions.send_email.handler import send_confirmation
from functions.shared import aws
from functions.shared.order import Line, Order
from functions.update_order.handler import reject_order, update_order
from infra.paths import DEFINITION as DEFINITION_FILE
from ops.local_aws import REGION
from ops.tables.order_row import OrderRow
from tests.clients import forget_clients, forget_stores
from tools.insides import memory
from tools.insides.interpreter import (
    describe_execution,
    interpreted_at_once,
    invoke_handler,
    tasks_answered_by,
    time_out_task,
)
from tools.insides.memory import ACCOUNT

DEFINITION: dict[str, Any] = json.loads(DEFINITION_FILE.read_text("utf-8"))
TASKS: dict[str, dict[str, Any]] = {
    name: state for name, state in DEFINITION["States"].items() if state["Type"] == "Task"
}

ORDERS, INVENTORY = "orders", "inventory"
SENDER, CUSTOMER = "orders@example.com", "customer@example.com"

LONGEST_RUN = 60  # seconds; an execution takes well under one, so that beyond this it hangs

Handler = Callable[[dict[str, Any], Any], Any]
HANDLERS: dict[str, Handler] = {
    "UpdateOrder": update_order,
    "ReserveInventory": reserve_inventory,
    "SendEmail": send_confirmation,
    "RejectOrder": reject_order,
    "ReleaseInventory": release_inventory,
}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What happens to one try of a state.

    `meanwhile` happens first. Then, with an `error`, Step Functions is told of that error (any name of the Amazon
    States Language) instead of what the handler answers: the handler has not run, or has to its end if `done`.
    """

    error: str | None = None
    done: bool = False
    meanwhile: Callable[[], object] = lambda: None


@dataclass(frozen=True, kw_only=True)
class CallFault:
    """What happens to one AWS call of a handler: the error, before the service knew of the call, or after if `done`."""

    error: Exception
    done: bool = False


def crash() -> Fault:
    """A handler that raises what nobody foresaw."""
    return Fault(error="RuntimeError")


def lost(error: str = "Sandbox.Timedout") -> Fault:
    """A step that is done, but whose answer never arrives."""
    return Fault(error=error, done=True)


def refused(code: str, status: int, message: str = "no") -> ClientError:
    """An AWS service's answer with an error."""
    response: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status, "RequestId": "planned"},
    }
    return ClientError(response, "Operation")


@dataclass(frozen=True)
class Result:
    """An execution that has ended. Waits are in seconds, each the most that its jitter allows."""

    status: str
    states: tuple[str, ...]
    tries: dict[str, int]
    waits: dict[str, list[float]]
    output: Any
    error: str | None
    cause: str

    def next_after(self, state: str) -> str | None:
        """The state that was entered after this one; None if the execution ended there."""
        after = self.states.index(state) + 1
        return self.states[after] if after < len(self.states) else None


@dataclass
class Run:
    """What is going on in the execution under way."""

    faults: dict[str, Iterator[Fault | None]]
    tries: dict[str, int] = field(default_factory=dict)
    waits: dict[str, list[float]] = field(default_factory=dict)
    state: str = ""
    ended: Event = field(default_factory=Event)


class Machine:
    """One state machine, its two tables and its mails; made in an active `mock_aws`, and `reset` before use."""

    def __init__(self, patch: pytest.MonkeyPatch, stack: ExitStack) -> None:
        self._numbers = count(1)
        self._run = Run({})
        _prepare_functions(patch)
        stack.enter_context(tasks_answered_by(self._answer))
        stack.enter_context(interpreted_at_once(wait=self._wait, ended=self._end))
        self._sfn = boto3.client("stepfunctions")
        self._dynamodb = boto3.client("dynamodb")
        self._ses = boto3.client("sesv2")
        self._arn = self._sfn.create_state_machine(
            name="orders", definition=_substituted(), roleArn=f"arn:aws:iam::{ACCOUNT}:role/states"
        )["stateMachineArn"]

        for table, key in ((ORDERS, "order_id"), (INVENTORY, "item_id")):
            self._dynamodb.create_table(
                TableName=table,
                KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )

    def reset(self) -> None:
        """Empty tables, no mails, and a sender that SES knows as verified: how each test finds the machine."""
        memory.clear_tables()
        self.trust_sender()
        memory.forget_mails()

    def run(
        self,
        order: Mapping[str, Any],
        *,
        faults: Mapping[str, Iterable[Fault | None]] | None = None,
        calls: Mapping[str, Iterable[CallFault | None]] | None = None,
    ) -> Result:
        """Run one execution to its end.

        Args:
            order: the execution's input; see `order_input`.
            faults: for each state, what happens at its first, second, … try; None and whatever is not planned is
                an ordinary try. `itertools.repeat` gives a fault that stays.
            calls: for each AWS operation, such as `dynamodb.UpdateItem`, likewise at its first, second, … call.
        """
        unknown = (faults or {}).keys() - TASKS.keys()
        assert not unknown, f"no such states: {unknown}"
        run = self._run = Run({state: iter(plan) for state, plan in (faults or {}).items()})
        with _failing_calls(calls or {}):
            execution = self._sfn.start_execution(
                stateMachineArn=self._arn, name=f"run-{next(self._numbers)}", input=json.dumps(order)
            )["executionArn"]
            assert run.ended.wait(LONGEST_RUN), f"the execution hangs at {run.state}"
        return self._result(execution, run)

    def invoke(self, function: str, order: Mapping[str, Any]) -> str | None:
        """Call one function by itself, as a late or a second invocation would; the name of its error, if any."""
        event = {"order": order, "execution": "by-hand", "state": "Late", "retry_count": 0}
        answer = invoke(HANDLERS[function], json.dumps(event).encode())
        return answer["Payload"]["errorType"] if "FunctionError" in answer else None

    def abandon(self, order: Mapping[str, Any], status: str) -> None:
        """Call release_abandoned with the event that EventBridge sends for an execution that ended with `status`."""
        event = {"detail": {"name": "abandoned", "status": status, "input": json.dumps(order)}}
        answer = invoke(release_abandoned, json.dumps(event).encode())
        assert "FunctionError" not in answer, answer

    def stock(self, **available: int) -> None:
        """Put items into stock."""
        for item, number in available.items():
            self._dynamodb.put_item(TableName=INVENTORY, Item={"item_id": {"S": item}, "available": {"N": str(number)}})

    def available(self, item: str) -> int:
        """How many pieces of an item are left."""
        row = self._dynamodb.get_item(TableName=INVENTORY, Key={"item_id": {"S": item}})["Item"]
        return int(row["available"]["N"])

    def order(self, order_id: str = "12345") -> OrderRow:
        """The order's row; one that holds nothing if there is none."""
        row = self._dynamodb.get_item(TableName=ORDERS, Key={"order_id": {"S": order_id}}).get("Item")
        return OrderRow.from_item(row) if row else OrderRow(order_id)

    def set_order(self, order_id: str = "12345", **attributes: str | int) -> None:
        """Write attributes of an order's row, as an operator would."""
        for name, value in attributes.items():
            self._dynamodb.update_item(
                TableName=ORDERS,
                Key={"order_id": {"S": order_id}},
                UpdateExpression="SET #name = :value",
                ExpressionAttributeNames={"#name": name},
                ExpressionAttributeValues={":value": {"N": str(value)} if isinstance(value, int) else {"S": value}},
            )

    def trust_sender(self) -> None:
        """Let SES know the sender as verified."""
        self._ses.create_email_identity(EmailIdentity=SENDER)

    def distrust_sender(self) -> None:
        """Take the sender's verification away, so that SES refuses its mails."""
        self._ses.delete_email_identity(EmailIdentity=SENDER)

    @property
    def mails(self) -> list[str]:
        """The recipients of the mails that left, in their order."""
        return [address for mail in memory.read_mails() for address in mail.destinations["ToAddresses"]]

    def _answer(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Answer for Lambda: moto's interpreter calls this for each try of a Task."""
        function = parameters["FunctionName"].rsplit(":", 1)[1]
        state, run = STATE_OF[function], self._run
        run.state = state
        run.tries[state] = run.tries.get(state, 0) + 1
        fault = next(run.faults.get(state, iter(())), None) or Fault()
        fault.meanwhile()
        if fault.error is None:
            return invoke(HANDLERS[function], parameters["Payload"])
        if fault.done:
            invoke(HANDLERS[function], parameters["Payload"])
        return failed_try(fault.error)

    def _wait(self, seconds: float) -> None:
        self._run.waits.setdefault(self._run.state, []).append(seconds)

    def _end(self) -> None:
        self._run.ended.set()

    def _result(self, arn: str, run: Run) -> Result:
        execution = describe_execution(arn)
        history = execution.to_history_output()["events"]
        return Result(
            status=execution.status,
            states=tuple(
                event["stateEnteredEventDetails"]["name"] for event in history if "stateEnteredEventDetails" in event
            ),
            tries=run.tries,
            waits=run.waits,
            output=execution.output,
            error=execution.error,
            cause=execution.cause or "",
        )


def order_input(order_id: str = "12345", *, attempt: int = 1, **quantities: int) -> dict[str, Any]:
    """An execution's input as the starter renders it; by default of 2 pieces of `book`."""
    lines = tuple(Line(item, quantity) for item, quantity in sorted((quantities or {"book": 2}).items()))
    return dict(json.loads(Order(order_id, CUSTOMER, lines).to_input(attempt)))


@contextmanager
def account_in_memory() -> Iterator[pytest.MonkeyPatch]:
    """Have moto's account, on which executions run, and no file of the person's own; what is patched ends with it."""
    # moto reports every failed execution as an error of its own, with the whole parse tree.
    logging.getLogger("moto.stepfunctions").setLevel(logging.CRITICAL)
    with (
        pytest.MonkeyPatch.context() as patch,
        mock_aws(config={"stepfunctions": {"execute_state_machine": True}}),
    ):
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        yield patch
    _forget_environment()


def _forget_environment() -> None:
    """Make the functions make what they keep anew: it belongs to another environment."""
    forget_clients()
    forget_stores()
    aws._make_session.cache_clear()


def _prepare_functions(patch: pytest.MonkeyPatch) -> None:
    """Give the functions the environment that the stack gives them, and nothing made in another."""
    for name, value in {
        "ORDERS_TABLE": ORDERS,
        "INVENTORY_TABLE": INVENTORY,
        "SENDER_EMAIL": SENDER,
        "AWS_LAMBDA_FUNCTION_NAME": "step",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
    }.items():
        patch.setenv(name, value)
    _forget_environment()


def _substituted() -> str:
    text = DEFINITION_FILE.read_text("utf-8")
    for function in HANDLERS:
        text = text.replace(f"${{{function}FunctionArn}}", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}")
    return text


STATE_OF = {
    state["Parameters"]["FunctionName"].removeprefix("${").removesuffix("FunctionArn}"): name
    for name, state in TASKS.items()
}


def invoke(handler: Handler, payload: bytes) -> dict[str, Any]:
    """Call a handler as Lambda does, with more time than a step may take, and give Lambda's answer."""
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:step"
    return invoke_handler(handler, payload, arn=arn, deadline=time.time() + 70)


def failed_try(error: str) -> dict[str, Any]:
    """Fail a try with an error of this name, the way an error of this kind reaches the interpreter."""
    if error == "States.Timeout":
        return time_out_task()
    if error.startswith("Lambda."):
        raise refused(error.removeprefix("Lambda."), 500)
    return {
        "StatusCode": 200,
        "FunctionError": "Unhandled",
        "Payload": {"errorType": error, "errorMessage": "planned by the test"},
    }


@contextmanager
def _failing_calls(plans: Mapping[str, Iterable[CallFault | None]]) -> Iterator[None]:
    """Let the functions' AWS calls fail as planned; botocore's own retries lie below this, and are used up."""
    with ExitStack() as stack:
        for operation, plan in plans.items():
            _fail_calls(stack, operation, iter(plan))
        yield


def _fail_calls(stack: ExitStack, operation: str, plan: Iterator[CallFault | None]) -> None:
    faults: list[CallFault | None] = []

    def before(**_: Any) -> None:
        faults.append(next(plan, None))
        if faults[-1] and not faults[-1].done:
            raise faults[-1].error

    def after(**_: Any) -> None:
        if faults[-1]:
            raise faults[-1].error

    make_client: Callable[[str], Any] = vars(aws)["make_client"]  # for any service, where its types want one by name
    events = make_client(operation.split(".", 1)[0]).meta.events
    for event, handler in ((f"before-call.{operation}", before), (f"after-call.{operation}", after)):
        events.register(event, handler)
        stack.callback(events.unregister, event, handler)
