"""The state machine's own file, interpreted one Task at a time: states, Retry and Catch by the error's name, redrive.

What it knows is what `statemachine/order_processing.asl.json` uses; anything else in that file raises at once.
Waits are left out. `most_retries` bounds a retrier's MaxAttempts, so that a schedule can spend it.
"""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from infra.paths import DEFINITION as DEFINITION_FILE

DEFINITION: dict[str, Any] = json.loads(DEFINITION_FILE.read_text("utf-8"))

SUCCEEDED, RUNNING, FAILED = "SUCCEEDED", "RUNNING", "FAILED"
ENDED_BADLY = ("FAILED", "TIMED_OUT", "ABORTED")
# Which States.ALL does not match: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
UNCATCHABLE = ("States.Runtime", "States.DataLimitExceeded")

_KNOWN = {
    "Task": {
        "Type",
        "Comment",
        "Resource",
        "Parameters",
        "ResultPath",
        "TimeoutSeconds",
        "Retry",
        "Catch",
        "Next",
        "End",
    },
    "Succeed": {"Type", "Comment"},
    "Fail": {"Type", "Comment", "Error", "CausePath"},
}
_BACK_OFF = {"IntervalSeconds", "BackoffRate", "MaxDelaySeconds", "JitterStrategy"}
_RETRIER = {"Comment", "ErrorEquals", "MaxAttempts", *_BACK_OFF}
_CATCHER = {"ErrorEquals", "ResultPath", "Next"}
_FORMAT = re.compile(r"States\.Format\('([^']*)', (.*)\)")


@dataclass(frozen=True, slots=True)
class Call:
    """One try of a Task: the function's name in the stack, and what it is given."""

    function: str
    payload: dict[str, Any]


class Execution:
    """One execution of the state machine, standing before a Task or at its end."""

    def __init__(self, name: str, content: str, started: datetime, most_retries: int) -> None:
        self.name = name
        self.input = content
        self.started = started
        self.status = RUNNING
        self.state = ""
        self.error = self.cause = ""
        self._most_retries = most_retries
        self._redrives = 0
        self._data: dict[str, Any] = json.loads(content)
        self._enter(DEFINITION["StartAt"])

    @property
    def order(self) -> dict[str, Any]:
        """The order it works on, and `attempt`."""
        found: dict[str, Any] = json.loads(self.input)
        return found

    @property
    def running(self) -> bool:
        return self.status == RUNNING

    def call(self) -> Call:
        """Give the try that is due."""
        state = _STATES[self.state]
        context = {
            "$": self._data,
            "$$.Execution.Name": self.name,
            "$$.Execution": {
                "StartTime": self.started.isoformat(timespec="milliseconds"),
                "RedriveCount": self._redrives,
            },
            "$$.State.Name": self.state,
            "$$.State.RetryCount": sum(self._tries),
        }
        parameters = _resolve(state["Parameters"], context)
        function = parameters["FunctionName"].removeprefix("${").removesuffix("FunctionArn}")
        return Call(function, json.loads(json.dumps(parameters["Payload"])))

    def succeed(self) -> None:
        """The try is done."""
        state = _STATES[self.state]
        if state.get("End"):
            self.status = SUCCEEDED
        else:
            self._enter(state["Next"])

    def fail(self, error: str, cause: str) -> None:
        """The try has failed: another one, what catches it, or the end."""
        state = _STATES[self.state]
        for number, retrier in enumerate(state["Retry"]):
            if _matches(retrier, error):
                if self._tries[number] < min(retrier["MaxAttempts"], self._most_retries):
                    self._tries[number] += 1
                    return
                break
        for catcher in state["Catch"]:
            if _matches(catcher, error):
                self._data = self._data | {"error": {"Error": error, "Cause": cause}}
                self._enter(catcher["Next"])
                return
        self._end(error, cause)

    def stop(self, status: str) -> None:
        """An operator, or its own time limit, ends it in the middle."""
        self.status = status

    def stand_at(self, state: str) -> None:
        """Go to a state at once, as if an error before it had led there."""
        self._data = self._data | {"error": {"Error": "Earlier", "Cause": "an earlier state's"}}
        self._enter(state)

    def redrive(self) -> None:
        """Go on at the state where it ended, with its retries anew."""
        self.status = RUNNING
        self._redrives += 1
        self._enter(self.state)

    def _enter(self, name: str) -> None:
        self.state = name
        state = _STATES[name]
        self._tries = [0] * len(state.get("Retry", ()))
        if state["Type"] == "Succeed":
            self.status = SUCCEEDED
        elif state["Type"] == "Fail":
            self._end(state["Error"], _formatted(state["CausePath"], self._data))

    def _end(self, error: str, cause: str) -> None:
        self.status, self.error, self.cause = FAILED, error, cause


def _matches(rule: dict[str, Any], error: str) -> bool:
    return error in rule["ErrorEquals"] or (rule["ErrorEquals"] == ["States.ALL"] and error not in UNCATCHABLE)


def _resolve(template: Any, context: dict[str, Any]) -> Any:
    if not isinstance(template, dict):
        return template
    return {
        name.removesuffix(".$"): context[value] if name.endswith(".$") else _resolve(value, context)
        for name, value in template.items()
    }


def _formatted(path: str, data: dict[str, Any]) -> str:
    match = _FORMAT.fullmatch(path)
    assert match, f"unknown: {path}"
    found = []
    for argument in match[2].split(", "):
        value: Any = data
        for name in argument.removeprefix("$.").split("."):
            value = value[name]
        found.append(value)
    return match[1].format(*found)


def _checked(states: dict[str, Any]) -> dict[str, Any]:
    for name, state in states.items():
        unknown = set(state) - _KNOWN[state["Type"]]
        unknown |= {key for retrier in state.get("Retry", ()) for key in set(retrier) - _RETRIER}
        unknown |= {key for catcher in state.get("Catch", ()) for key in set(catcher) - _CATCHER}
        assert not unknown, f"{name}: {unknown}"
        assert state["Type"] != "Task" or state["ResultPath"] is None
        assert all(catcher["ResultPath"] == "$.error" for catcher in state.get("Catch", ()))
    return states


_STATES = _checked(DEFINITION["States"])
