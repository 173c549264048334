"""Step Functions as far as the operator's modules ask it: executions by name, their histories, and lists of them."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

MACHINE = "arn:aws:states:us-west-2:123456789012:stateMachine:orders"
START = datetime(2026, 1, 1, tzinfo=UTC)


class _DoesNotExist(Exception):
    pass


@dataclass
class States:
    """Executions by their names, in lists with pages of `page`; calls are counted, and throttled as `fails` says."""

    executions: dict[str, dict[str, Any]] = field(default_factory=dict)
    histories: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    page: int = 2
    calls: Counter[str] = field(default_factory=Counter)
    fails: Callable[[str], bool] = lambda _operation: False

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
        self._called("describe_execution")
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
        reverseOrder: bool = False,  # noqa: N803
        includeExecutionData: bool = True,  # noqa: N803
        nextToken: str = "0",  # noqa: N803
    ) -> dict[str, Any]:
        self._called("get_execution_history")
        assert includeExecutionData != reverseOrder
        events = self.histories.get(executionArn.rpartition(":")[2], [])
        if reverseOrder:
            return {"events": list(reversed(events))[:maxResults]}
        end = int(nextToken) + 4
        return {"events": events[int(nextToken) : end]} | ({"nextToken": str(end)} if end < len(events) else {})

    def list_executions(
        self,
        *,
        stateMachineArn: str,  # noqa: N803
        maxResults: int,  # noqa: N803
        statusFilter: str | None = None,  # noqa: N803
        nextToken: str | None = None,  # noqa: N803
    ) -> dict[str, Any]:
        self._called("list_executions")
        assert stateMachineArn == MACHINE
        found = [one for one in self.executions.values() if statusFilter in (None, one["status"])]
        found.sort(key=_place, reverse=True)
        after = [one for one in found if nextToken is None or _place(one) < nextToken]
        page = after[: min(self.page, maxResults)]
        more = {"nextToken": _place(page[-1])} if len(after) > len(page) else {}
        return {"executions": page, **more}

    def _called(self, operation: str) -> None:
        self.calls[operation] += 1
        if self.fails(operation):
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}, operation)


def _place(execution: dict[str, Any]) -> str:
    """Where it stands in a list: what is started meanwhile moves none that was not listed yet."""
    return f"{execution['startDate'].isoformat()} {execution['name']}"
