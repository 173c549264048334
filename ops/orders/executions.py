"""Executions of the workflow as Step Functions knows them: by name, by order, and as lists."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from functions.shared.execution_name import execution_name
from ops.orders.execution import Attempt, Execution
from ops.orders.history import Visit, read_visits
from ops.orders.pace import Pace

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_stepfunctions.type_defs import (
        GetExecutionHistoryOutputTypeDef,
        ListExecutionsInputTypeDef,
        ListExecutionsOutputTypeDef,
    )

T = TypeVar("T")
Paged = TypeVar("Paged", "ListExecutionsOutputTypeDef", "GetExecutionHistoryOutputTypeDef")

# Newest events of an execution: a mail's 154 tries are 616, so the state that it is in is always among them.
_NEWEST_EVENTS: Final = 1000
LARGEST_PAGE: Final = 1000  # of executions, and of events


@dataclass(frozen=True)
class Page:
    """A page of a list of executions."""

    executions: tuple[Execution, ...]
    is_last: bool


class Executions:
    """The executions of one state machine; calls wait for their turn where there is a `pace`."""

    def __init__(self, states: "SFNClient", *, machine: str, pace: Pace | None = None) -> None:
        self._states = states
        self._machine = machine
        self._pace = pace

    def attempts(self, order_id: str, *, at_least: int = 0) -> tuple[Attempt, ...]:
        """Return all of an order's executions with their states, the first first; see `_by_number`."""
        return tuple(map(self.with_states, self._by_number(order_id, 1, at_least)))

    def latest(self, order_id: str, *, at_least: int = 0) -> Attempt | None:
        """Return an order's last execution without its states; the row knows of `at_least` so many."""
        found = list(self._by_number(order_id, max(1, at_least), at_least))
        return found[-1] if found else None

    def attempt(self, order_id: str, number: int) -> Attempt | None:
        """Return one execution without its states; None if there is none."""
        found = self.named(execution_name(order_id, number))
        return replace(found, number=number) if found else None

    def named(self, name: str) -> Attempt | None:
        """Return the execution of this name without its states; None if there is none."""
        try:
            answer = self._ask_aws(partial(self._states.describe_execution, executionArn=self._make_arn(name)))
        except self._states.exceptions.ExecutionDoesNotExist:
            return None
        return Attempt.from_answer(answer)

    def with_states(self, attempt: Attempt) -> Attempt:
        """Return an execution with all its states."""
        pages = self._read_pages(partial(self._states.get_execution_history, executionArn=self._make_arn(attempt.name)))
        return replace(
            attempt, states=_convert_to_utc(read_visits(event for page in pages for event in page["events"]))
        )

    def newest_state(self, name: str) -> Visit | None:
        """Return the state that an execution is in, or ended in, in one call however long its history is."""
        answer = self._ask_aws(
            partial(
                self._states.get_execution_history,
                executionArn=self._make_arn(name),
                maxResults=_NEWEST_EVENTS,
                reverseOrder=True,
                includeExecutionData=False,
            )
        )
        found = _convert_to_utc(read_visits(reversed(answer["events"])))
        return found[-1] if found else None

    def running(self, tell: Callable[[int], None] = lambda _found: None) -> Iterator[Execution]:
        """Yield the executions that run, the newest first; `tell` hears how many it has found so far."""
        found = 0
        for page in self.listed(status="RUNNING"):
            found += len(page.executions)
            tell(found)
            yield from page.executions

    def listed(self, *, status: Literal["RUNNING"] | None = None) -> Iterator[Page]:
        """Yield pages of executions, the last started first: those of this status, or all."""
        asked: ListExecutionsInputTypeDef = {"stateMachineArn": self._machine}
        if status:
            asked["statusFilter"] = status
        for answer in self._read_pages(partial(self._states.list_executions, **asked)):
            yield Page(tuple(map(Execution.from_answer, answer["executions"])), is_last="nextToken" not in answer)

    def _read_pages(self, operation: partial[Paged]) -> Iterator[Paged]:
        """Yield a paged operation's answers; botocore's own paginator would not wait its turn before each."""
        token: dict[str, Any] = {}
        while True:
            answer = self._ask_aws(operation, maxResults=LARGEST_PAGE, **token)
            yield answer
            if "nextToken" not in answer:
                return
            token = {"nextToken": answer["nextToken"]}

    def _ask_aws(self, operation: partial[T], **parameters: Any) -> T:
        if self._pace:
            self._pace.wait(operation.func.__name__)
        return operation(**parameters)

    def _by_number(self, order_id: str, first: int, at_least: int) -> Iterator[Attempt]:
        """Look executions up by their names, from `first` on, to the first beyond `at_least` that is not there.

        Step Functions forgets an execution after 90 days: the first may be gone while the last is there.
        """
        number = first
        while (found := self.attempt(order_id, number)) or number < at_least:
            if found:
                yield found
            number += 1

    def _make_arn(self, name: str) -> str:
        return make_execution_arn(self._machine, name)


def make_execution_arn(machine: str, name: str) -> str:
    """Give the ARN of a machine's execution, which is the same whatever alias or version started it."""
    return machine.replace(":stateMachine:", ":execution:") + f":{name}"


def _convert_to_utc(states: tuple[Visit, ...]) -> tuple[Visit, ...]:
    return tuple(replace(state, entered=state.entered.astimezone(UTC)) for state in states)
