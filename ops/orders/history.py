"""An execution's history, summed up by state: tries, duration and last error."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from ops.contract.kinds import Count, Seconds

# One try of a Task: of the optimised integration, and of a bare function ARN.
_TRY_EVENTS: Final = frozenset({"TaskScheduled", "LambdaFunctionScheduled"})
_FAILURE_DETAILS: Final = ("FailedEventDetails", "TimedOutEventDetails")


@dataclass(frozen=True)
class Visit:
    """A state that was entered."""

    state: str
    """Its name"""
    entered: datetime
    """When, ISO 8601"""
    seconds: Seconds
    """How long it took, all tries together"""
    tries: Count = 0
    """How often it was tried; 0 of a state that does nothing"""
    error: str | None = None
    """The error of the last failed try; null if none failed"""
    reason: str | None = None
    """The same in words"""


def read_visits(events: Iterable[Mapping[str, Any]]) -> tuple[Visit, ...]:
    """Read the states off the events of `GetExecutionHistory`, in the order they were entered."""
    found: list[Visit] = []
    for event in events:
        kind, when = event["type"], event["timestamp"]
        if kind.endswith("StateEntered"):
            found.append(Visit(event["stateEnteredEventDetails"]["name"], entered=when, seconds=0.0))
        elif found:
            found[-1] = _apply_event(found[-1], event)
    return tuple(found)


def _apply_event(visit: Visit, event: Mapping[str, Any]) -> Visit:
    """The visit as it is once `event` has happened in it."""
    kind = event["type"]
    if kind == "ExecutionSucceeded":  # after the last state's exit: no part of any visit
        return visit
    lasted = replace(visit, seconds=(event["timestamp"] - visit.entered).total_seconds())
    if kind in _TRY_EVENTS:
        return replace(lasted, tries=visit.tries + 1)
    failure = next((event[key] for key in event if key.endswith(_FAILURE_DETAILS)), None)
    if failure is None or "error" not in failure:
        return lasted
    return replace(lasted, error=failure["error"], reason=_read_reason(failure.get("cause", "")))


def _read_reason(cause: str) -> str:
    """The message out of the JSON that Lambda makes of an exception; any other cause as it is."""
    try:
        return str(json.loads(cause)["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return cause
