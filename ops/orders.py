"""An order as an operator sees it: its row, and every execution that has worked on it."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, Self

from functions.shared.order import Line
from functions.shared.row import key, text
from functions.start_workflow.execution import execution_name
from ops.history import Visit, visits
from ops.stack import Stack

_A_BATCH: Final = 100  # keys that BatchGetItem takes
# Of an execution's newest events: a mail's 154 tries are 616, so the state that it is in is always among them.
_NEWEST_EVENTS: Final = 1000
_LARGEST_PAGE: Final = {"PageSize": 1000}  # of executions, and of events


@dataclass(frozen=True)
class OrderRow:
    """An order's row; what it lacks, written by hand or cancelled before it was placed, is None or empty."""

    order_id: str
    status: str | None
    attempt: int | None
    customer_email: str | None
    items: tuple[Line, ...]
    created_at: datetime | None
    updated_at: datetime | None
    status_reason: str | None
    email_status: str | None
    email_message_id: str | None
    email_error: str | None

    @classmethod
    def from_item(cls, item: dict[str, Any]) -> Self:
        """Read a row as DynamoDB returns it."""
        attempt = item.get("attempt", {}).get("N")
        return cls(
            order_id=item["order_id"]["S"],
            status=_text(item, "status"),
            attempt=int(attempt) if attempt else None,
            customer_email=_text(item, "customer_email"),
            items=_lines(item),
            created_at=moment(item, "created_at"),
            updated_at=moment(item, "updated_at"),
            status_reason=_text(item, "status_reason"),
            email_status=_text(item, "email_status"),
            email_message_id=_text(item, "email_message_id"),
            email_error=_text(item, "email_error"),
        )


@dataclass(frozen=True)
class Attempt:
    """One execution of an order; `states` as far as its history was read."""

    number: int
    execution: str
    status: str
    started_at: datetime
    ended_at: datetime | None
    input: str
    states: tuple[Visit, ...] = ()

    @property
    def is_running(self) -> bool:
        """Whether it is under way, or about to be again."""
        return self.status in ("RUNNING", "PENDING_REDRIVE")

    @property
    def has_failed(self) -> bool:
        """Whether publishing the order again starts the next attempt."""
        return not self.is_running and self.status != "SUCCEEDED"

    @property
    def order_id(self) -> str | None:
        """The order that it works on; None if it was started by hand, with something else."""
        return _text_in(self.input, "order_id")

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it runs."""
        return (self.ended_at - self.started_at).total_seconds() if self.ended_at else None


@dataclass(frozen=True)
class Started:
    """An execution as a list of executions names it, which tells neither its order nor its states."""

    name: str
    status: str
    started_at: datetime


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
            ("#changed", "updated_at", ">=", _iso(self.since)),
            ("#changed", "updated_at", "<", _iso(self.before)),
        ]
        wanted = [(name, attribute, sign, value) for name, attribute, sign, value in asked if value is not None]
        if not wanted:
            return {}
        return {
            "FilterExpression": " AND ".join(f"{name} {sign} :{n}" for n, (name, _, sign, _) in enumerate(wanted)),
            "ExpressionAttributeNames": {name: attribute for name, attribute, _, _ in wanted},
            "ExpressionAttributeValues": {f":{n}": text(value) for n, (_, _, _, value) in enumerate(wanted)},
        }


class Orders:
    """The orders' rows and executions, as an operator reads them."""

    def __init__(self, dynamodb: Any, states: Any, *, table: str, machine: str) -> None:
        self._dynamodb = dynamodb
        self._states = states
        self._table = table
        self._machine = machine

    @classmethod
    def of(cls, stack: Stack) -> Self:
        """Give the orders of a deployed stack."""
        return cls(
            stack.client("dynamodb"),
            stack.client("stepfunctions"),
            table=stack["OrdersTableName"],
            machine=stack["StateMachineArn"],
        )

    # ------------------------------------------------------------------------------------------------ rows

    def row(self, order_id: str) -> OrderRow | None:
        """Return an order's row; None if there is none."""
        answer = self._dynamodb.get_item(TableName=self._table, Key=key(order_id), ConsistentRead=True)
        return OrderRow.from_item(answer["Item"]) if "Item" in answer else None

    def rows_of(self, order_ids: Sequence[str]) -> dict[str, OrderRow]:
        """Return the rows of these orders, as far as there are any and DynamoDB gives them at once."""
        found: dict[str, OrderRow] = {}
        for start in range(0, len(order_ids), _A_BATCH):
            keys = [key(order_id) for order_id in order_ids[start : start + _A_BATCH]]
            asked = {self._table: {"Keys": keys, "ConsistentRead": True}}
            rows = self._dynamodb.batch_get_item(RequestItems=asked)["Responses"].get(self._table, ())
            found |= {item["order_id"]["S"]: OrderRow.from_item(item) for item in rows}
        return found

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
            answer = self._states.describe_execution(executionArn=self._arn(name))
        except self._states.exceptions.ExecutionDoesNotExist:
            return None
        stopped = answer.get("stopDate")
        return Attempt(
            number=_number_in(answer["input"]),
            execution=name,
            status=answer["status"],
            started_at=answer["startDate"].astimezone(UTC),
            ended_at=stopped.astimezone(UTC) if stopped else None,
            input=answer["input"],
        )

    def with_states(self, attempt: Attempt) -> Attempt:
        """Return an execution with all its states."""
        pages = self._states.get_paginator("get_execution_history").paginate(
            executionArn=self._arn(attempt.execution), PaginationConfig=_LARGEST_PAGE
        )
        return replace(attempt, states=_utc(visits(event for page in pages for event in page["events"])))

    def newest_state(self, name: str) -> Visit | None:
        """Return the state that an execution is in, or ended in, in one call however long its history is."""
        answer = self._states.get_execution_history(
            executionArn=self._arn(name), maxResults=_NEWEST_EVENTS, reverseOrder=True, includeExecutionData=False
        )
        found = _utc(visits(reversed(answer["events"])))
        return found[-1] if found else None

    def running(self, tell: Callable[[int], None] = lambda _found: None) -> Iterator[Started]:
        """Yield the executions that run, the newest first; `tell` hears how many it has found so far."""
        pages = self._states.get_paginator("list_executions").paginate(
            stateMachineArn=self._machine, statusFilter="RUNNING", PaginationConfig=_LARGEST_PAGE
        )
        found = 0
        for page in pages:
            found += len(page["executions"])
            tell(found)
            yield from map(_started, page["executions"])

    def started_since(self, moment: datetime) -> Iterator[Started]:
        """Yield the executions that were started since then, whatever became of them, the newest first."""
        pages = self._states.get_paginator("list_executions").paginate(
            stateMachineArn=self._machine, PaginationConfig={"PageSize": 100}
        )
        for page in pages:
            for execution in map(_started, page["executions"]):
                if execution.started_at < moment:
                    return
                yield execution

    def _by_number(self, order_id: str, first: int, at_least: int) -> Iterator[Attempt]:
        """Look executions up by their names, from `first` on, to the first beyond `at_least` that is not there.

        Step Functions forgets an execution after 90 days: the first may be gone while the last is there.
        """
        number = first
        while (found := self.attempt(order_id, number)) or number < at_least:
            if found:
                yield found
            number += 1

    def _arn(self, name: str) -> str:
        return self._machine.replace(":stateMachine:", ":execution:") + f":{name}"


def changed_at(found: OrderRow) -> datetime:
    """Give when a row changed last, to sort by; one that does not tell comes before all others."""
    return found.updated_at or datetime.min.replace(tzinfo=UTC)


def items_in_words(items: tuple[Line, ...]) -> str:
    """Name an order's items as the mail does: 2 × item001, 1 × item002."""
    return ", ".join(f"{line.quantity} × {line.item_id}" for line in items)


def _started(execution: dict[str, Any]) -> Started:
    return Started(execution["name"], execution["status"], execution["startDate"].astimezone(UTC))


def _utc(states: tuple[Visit, ...]) -> tuple[Visit, ...]:
    return tuple(replace(state, entered=state.entered.astimezone(UTC)) for state in states)


def _iso(moment: datetime | None) -> str | None:
    """Write a moment as the rows do, so that the texts compare as the moments do."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds") if moment else None


def moment(item: dict[str, Any], name: str) -> datetime | None:
    """Read a moment from a row as DynamoDB returns it; None where there is none that can be read."""
    try:
        found = datetime.fromisoformat(item[name]["S"])
    except (KeyError, ValueError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _text(item: dict[str, Any], name: str) -> str | None:
    value: str | None = item.get(name, {}).get("S")
    return value


def _lines(item: dict[str, Any]) -> tuple[Line, ...]:
    try:
        lines = [line["M"] for line in item["items"]["L"]]
        return tuple(Line(line["item_id"]["S"], int(line["quantity"]["N"])) for line in lines)
    except (KeyError, ValueError):  # written by hand; `orders check` names it
        return ()


def _number_in(content: str) -> int:
    value = _field(content, "attempt")
    return value if isinstance(value, int) else 1


def _text_in(content: str, name: str) -> str | None:
    value = _field(content, name)
    return value if isinstance(value, str) else None


def _field(content: str, name: str) -> Any:
    data = json.loads(content)
    return data.get(name) if isinstance(data, dict) else None
