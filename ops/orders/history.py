"""An execution's history, summed up by state: tries, duration and last error."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from ops.contract.kinds import Count, Seconds

# One try of a Task: of the optimised integration, and of a bare function ARN.
_TRY_EVENTS: Final = frozenset({"TaskScheduled", "LambdaFunctionScheduled"})
_FAILURE_DETAILS: Final = ("FailedEventDetails", "TimedOutEventDetails")
# The cause that a Fail state makes of an error that was caught: its name, and its own cause.
_CAUGHT: Final = re.compile(r"([\w.]+): (\{.*)", re.DOTALL)
_LONGEST: Final = 500  # characters of a sentence; Step Functions keeps 32,768 of a cause


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
    """The same in a sentence"""
    trace: str | None = None
    """The rest of what was recorded of that error, such as its stack trace; null where the reason is all"""


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
    reason, trace = _read_cause(failure.get("cause", ""))
    return replace(lasted, error=failure["error"], reason=reason, trace=trace)


def _read_cause(cause: str) -> tuple[str, str | None]:
    """Split a cause into a sentence and the rest, if any.

    Lambda makes JSON of an exception, with its message and its stack trace. Any other cause is a text: of a trace
    the sentence is its last line, and of anything else the first.
    """
    if caught := _CAUGHT.fullmatch(cause):
        reason, trace = _read_cause(caught[2])
        return f"{caught[1]}: {reason}", trace
    try:
        raised = json.loads(cause)
        message, trace = str(raised["errorMessage"]), "".join(raised.get("stackTrace") or ()).rstrip() or None
    except (ValueError, KeyError, TypeError):
        message, trace = cause, None
    lines = message.strip().splitlines() or [""]
    sentence = lines[-1 if lines[0].startswith("Traceback ") else 0][:_LONGEST]
    return sentence, "\n".join(filter(None, (message if sentence != message else None, trace))) or None
