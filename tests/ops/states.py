"""Step Functions as far as the operator's modules ask it: executions by name, their histories, and lists of them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

MACHINE = "arn:aws:states:us-west-2:123456789012:stateMachine:orders"
START = datetime(2026, 1, 1, tzinfo=UTC)


class _DoesNotExist(Exception):
    pass


@dataclass
class States:
    """Executions by their names; each list has pages of two."""

    executions: dict[str, dict[str, Any]] = field(default_factory=dict)
    histories: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    class exceptions:  # noqa: N801 - boto3's name
        ExecutionDoesNotExist = _DoesNotExist

    def put(self, name: str, status: str, content: str, *, began: float = 0, took: float = 1) -> None:
        """Add an execution or change it; times in seconds after `START`."""
        started = START + timedelta(seconds=began)
        stopped = {} if status == "RUNNING" else {"stopDate": started + timedelta(seconds=took)}
        self.executions[name] = {"name": name, "status": status, "startDate": started, "input": content, **stopped}

    def tell(self, name: str, state: str, *failures: str, ends: bool = True) -> None:
        """Add a state to an execution's history, in which a try failed with each of these errors."""
        at = START + timedelta(seconds=len(self.histories.setdefault(name, [])))
        events: list[dict[str, Any]] = [
            {"type": "TaskStateEntered", "timestamp": at, "stateEnteredEventDetails": {"name": state}}
        ]
        for error in failures:
            events.append({"type": "TaskScheduled", "timestamp": at})
            failed = {"error": error, "cause": "because"}
            events.append({"type": "TaskFailed", "timestamp": at, "taskFailedEventDetails": failed})
        if ends:
            events.append({"type": "TaskScheduled", "timestamp": at})
            events.append({"type": "TaskStateExited", "timestamp": at + timedelta(seconds=0.5)})
        self.histories[name] += events

    def describe_execution(self, *, executionArn: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        prefix, _, name = executionArn.rpartition(":")
        assert prefix == MACHINE.replace(":stateMachine:", ":execution:")
        if name not in self.executions:
            raise _DoesNotExist
        return self.executions[name]

    def get_execution_history(
        self,
        *,
        executionArn: str,  # noqa: N803
        maxResults: int,  # noqa: N803
        reverseOrder: bool,  # noqa: N803
        includeExecutionData: bool,  # noqa: N803
    ) -> dict[str, Any]:
        assert reverseOrder
        assert not includeExecutionData
        events = self.histories.get(executionArn.rpartition(":")[2], [])
        return {"events": list(reversed(events))[:maxResults]}

    def get_paginator(self, operation: str) -> "_Paginator":
        return _Paginator(self, operation)

    def page_through(self, operation: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        if operation == "get_execution_history":
            yield {"events": self.histories.get(parameters["executionArn"].rpartition(":")[2], [])}
            return
        assert parameters["stateMachineArn"] == MACHINE
        wanted = parameters.get("statusFilter")
        found = [one for one in self.executions.values() if wanted in (None, one["status"])]
        found.sort(key=lambda one: one["startDate"], reverse=True)
        for start in range(0, len(found), 2):
            yield {"executions": found[start : start + 2]}


@dataclass(frozen=True)
class _Paginator:
    states: States
    operation: str

    def paginate(self, **parameters: Any) -> Iterator[dict[str, Any]]:
        return self.states.page_through(self.operation, **parameters)
