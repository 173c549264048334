"""An execution of the workflow: an entry of a list, or an attempt at an order with its details."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Self

from functions.shared.execution_name import execution_name
from ops.orders.history import Visit

_ATTEMPT: Final = re.compile(r"--[0-9]{1,9}$")  # a hash, which may end a first execution's name, is longer


@dataclass(frozen=True)
class Execution:
    """An execution as a list of executions names it, which gives neither its order nor its states."""

    name: str
    status: str
    started_at: datetime
    ended_at: datetime | None = None

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> Self:
        """Read one of ListExecutions' executions, or DescribeExecution's answer."""
        return cls(**_common_fields(answer))

    @property
    def is_running(self) -> bool:
        """Whether it is under way, or about to be again."""
        return self.status in ("RUNNING", "PENDING_REDRIVE")

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it runs."""
        return (self.ended_at - self.started_at).total_seconds() if self.ended_at else None


@dataclass(frozen=True, kw_only=True)
class Attempt(Execution):
    """An execution with its input: the order's attempt of this number; `states` as far as its history was read."""

    number: int
    input: str
    states: tuple[Visit, ...] = ()

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> Self:
        """Read DescribeExecution's answer."""
        number = _read_field(answer["input"], "attempt")
        return cls(**_common_fields(answer), number=number if isinstance(number, int) else 1, input=answer["input"])

    @property
    def has_failed(self) -> bool:
        """Whether publishing the order again starts the next attempt."""
        return not self.is_running and self.status != "SUCCEEDED"

    @property
    def order_id(self) -> str | None:
        """The order that it works on; None if it was started by hand, with something else."""
        order_id = _read_field(self.input, "order_id")
        return order_id if isinstance(order_id, str) else None


def order_in(name: str) -> tuple[str, int] | None:
    """Give the order and the attempt that an execution's name tells of; None if it holds a hash of the order's id."""
    order_id, _, number = name.rpartition("--")
    if number.isdecimal() and execution_name(order_id, int(number)) == name:
        return order_id, int(number)
    return (name, 1) if execution_name(name, 1) == name else None


def without_attempt(name: str) -> str:
    """Give the name that all executions of an order share: that of its first one."""
    return _ATTEMPT.sub("", name)


def _common_fields(answer: Mapping[str, Any]) -> dict[str, Any]:
    stopped = answer.get("stopDate")
    return {
        "name": answer["name"],
        "status": answer["status"],
        "started_at": answer["startDate"].astimezone(UTC),
        "ended_at": stopped.astimezone(UTC) if stopped else None,
    }


def _read_field(content: str, name: str) -> Any:
    data = json.loads(content)
    return data.get(name) if isinstance(data, dict) else None
