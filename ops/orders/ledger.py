"""An order as an operator sees it: its row, and every execution that has worked on it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Self

from functions.shared import row
from functions.shared.execution_name import execution_name
from functions.shared.row import make_key, text_value
from ops.orders.execution import Attempt, Execution
from ops.orders.history import Visit, read_visits
from ops.orders.pace import Pace
from ops.stack import Stack
from ops.tables.order_row import OrderRow
from ops.tables.scan import read_by_keys

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_stepfunctions import SFNClient

# Of an execution's newest events: a mail's 154 tries are 616, so the state that it is in is always among them.
_NEWEST_EVENTS: Final = 1000
LARGEST_PAGE: Final = 1000  # of executions, and of events


@dataclass(frozen=True)
class Page:
    """A page of a list of executions."""

    executions: tuple[Execution, ...]
    is_last: bool


@dataclass(frozen=True)
class Filter:
    """Which orders to choose; None and nothing is every one.

    `since` and `before` are of the row's last change, `updated_at`, from the one on and up to the other: together they
    choose each row once. A row without `updated_at`, written by hand, fits neither.
    """

    status: str | None = None
    mail: str | None = None
    since: datetime | None = None
    before: datetime | None = None

    def parameters(self) -> dict[str, Any]:
        """Give the parameters of the Scan."""
        asked = [
            ("#status", "status", "=", self.status),
            ("#mail", "email_status", "=", self.mail),
            ("#changed", "updated_at", ">=", _format_iso(self.since)),
            ("#changed", "updated_at", "<", _format_iso(self.before)),
        ]
        wanted = [(name, attribute, sign, value) for name, attribute, sign, value in asked if value is not None]
        if not wanted:
            return {}
        return {
            "FilterExpression": " AND ".join(f"{name} {sign} :{n}" for n, (name, _, sign, _) in enumerate(wanted)),
            "ExpressionAttributeNames": {name: attribute for name, attribute, _, _ in wanted},
            "ExpressionAttributeValues": {f":{n}": text_value(value) for n, (_, _, _, value) in enumerate(wanted)},
        }


class Orders:
    """The orders' rows and executions, as an operator reads them."""

    def __init__(
        self, dynamodb: "DynamoDBClient", states: "SFNClient", *, table: str, machine: str, pace: Pace | None = None
    ) -> None:
        self._dynamodb = dynamodb
        self._states = states
        self._table = table
        self._machine = machine
        self._pace = pace

    @classmethod
    def of(cls, stack: Stack, pace: Pace | None = None) -> Self:
        """Give the orders of a deployed stack; what asks again and again gives a `pace` for Step Functions."""
        return cls(
            stack.client("dynamodb"),
            stack.client("stepfunctions"),
            table=stack["OrdersTableName"],
            machine=stack["StateMachineArn"],
            pace=pace,
        )

    # ------------------------------------------------------------------------------------------------ rows

    def row(self, order_id: str) -> OrderRow | None:
        """Return an order's row; None if there is none."""
        answer = self._dynamodb.get_item(TableName=self._table, Key=make_key(order_id), ConsistentRead=True)
        return OrderRow.from_item(answer["Item"]) if "Item" in answer else None

    def rows_of(self, order_ids: Sequence[str]) -> dict[str, OrderRow]:
        """Return the rows of these orders, as far as there are any."""
        rows = map(OrderRow.from_item, read_by_keys(self._dynamodb, self._table, "order_id", order_ids))
        return {order.order_id: order for order in rows}

    def scan(self, wanted: dict[str, Any], tell: Callable[[int], None] = lambda _read: None) -> Iterator[OrderRow]:
        """Yield the rows that a Scan with these parameters finds; `tell` hears how many it has read so far."""
        read = 0
        pages = self._dynamodb.get_paginator("scan").paginate(TableName=self._table, ConsistentRead=True, **wanted)
        for page in pages:
            read += page["ScannedCount"]
            tell(read)
            yield from map(OrderRow.from_item, page["Items"])

    # ------------------------------------------------------------------------------------------------ executions

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
            answer = self._ask_aws("describe_execution", executionArn=self._make_arn(name))
        except self._states.exceptions.ExecutionDoesNotExist:
            return None
        return Attempt.from_answer(answer)

    def with_states(self, attempt: Attempt) -> Attempt:
        """Return an execution with all its states."""
        pages = self._read_pages("get_execution_history", executionArn=self._make_arn(attempt.name))
        return replace(
            attempt, states=_convert_to_utc(read_visits(event for page in pages for event in page["events"]))
        )

    def newest_state(self, name: str) -> Visit | None:
        """Return the state that an execution is in, or ended in, in one call however long its history is."""
        answer = self._ask_aws(
            "get_execution_history",
            executionArn=self._make_arn(name),
            maxResults=_NEWEST_EVENTS,
            reverseOrder=True,
            includeExecutionData=False,
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

    def listed(self, *, status: str | None = None) -> Iterator[Page]:
        """Yield pages of executions, the last started first: those of this status, or all."""
        wanted = {"statusFilter": status} if status else {}
        for answer in self._read_pages("list_executions", stateMachineArn=self._machine, **wanted):
            yield Page(tuple(map(Execution.from_answer, answer["executions"])), is_last="nextToken" not in answer)

    def _read_pages(self, operation: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Yield a paged operation's answers; botocore's own paginator would not wait its turn before each."""
        token: dict[str, str] = {}
        while True:
            answer = self._ask_aws(operation, **parameters, maxResults=LARGEST_PAGE, **token)
            yield answer
            if "nextToken" not in answer:
                return
            token = {"nextToken": answer["nextToken"]}

    def _ask_aws(self, operation: str, **parameters: Any) -> dict[str, Any]:
        if self._pace:
            self._pace.wait(operation)
        answer: dict[str, Any] = getattr(self._states, operation)(**parameters)
        return answer

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
        return self._machine.replace(":stateMachine:", ":execution:") + f":{name}"


def is_explained(order: OrderRow | None, latest: Attempt | None) -> bool:
    """Whether its row and its last execution account for an order, so that no dead letter could add to it.

    A CONFIRMED one whose mail has not left may wait for a release or for an event of the mail.
    """
    if latest and latest.is_running:
        return True
    if order is None or order.status not in (row.CONFIRMED, row.REJECTED, row.FAILED, row.CANCELLED):
        return False
    return order.status != row.CONFIRMED or order.email_status in {*row.MAIL_LEFT, row.MAIL_REJECTED}


def _convert_to_utc(states: tuple[Visit, ...]) -> tuple[Visit, ...]:
    return tuple(replace(state, entered=state.entered.astimezone(UTC)) for state in states)


def _format_iso(moment: datetime | None) -> str | None:
    """Write a moment as the rows do, so that the texts compare as the moments do."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds") if moment else None
