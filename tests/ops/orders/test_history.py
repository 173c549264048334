"""An execution's history, read as AWS writes it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ops.orders.history import Visit, read_visits

START = datetime(2026, 1, 1, tzinfo=UTC)


def history(*events: tuple[float, str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Events from (seconds since the start, type, details by key)."""
    return [{"timestamp": START + timedelta(seconds=at), "type": kind, **more} for at, kind, more in events]


def entered(name: str) -> dict[str, Any]:
    return {"stateEnteredEventDetails": {"name": name}}


def failed(error: str, cause: str) -> dict[str, Any]:
    return {"taskFailedEventDetails": {"error": error, "cause": cause}}


def test_a_retried_step_shows_its_tries_its_whole_time_and_its_last_error() -> None:
    read = read_visits(
        history(
            (0, "ExecutionStarted", {}),
            (0, "TaskStateEntered", entered("UpdateOrder")),
            (0, "TaskScheduled", {}),
            (0, "TaskStarted", {}),
            (1, "TaskFailed", failed("TransientError", '{"errorMessage": "throttled", "errorType": "TransientError"}')),
            (3, "TaskScheduled", {}),
            (63, "TaskTimedOut", {"taskTimedOutEventDetails": {"error": "States.Timeout"}}),
            (70, "TaskScheduled", {}),
            (71, "TaskSucceeded", {}),
            (71, "TaskStateExited", {}),
            (72, "ExecutionSucceeded", {}),
        )
    )
    assert read == (Visit("UpdateOrder", entered=START, seconds=71.0, tries=3, error="States.Timeout", reason=""),)


def test_a_caught_error_belongs_to_the_step_that_raised_it() -> None:
    reserve, rejected = read_visits(
        history(
            (0, "TaskStateEntered", entered("ReserveInventory")),
            (0, "TaskScheduled", {}),
            (1, "TaskFailed", failed("OutOfStock", '{"errorMessage": "item002"}')),
            (1, "TaskStateExited", {}),
            (2, "SucceedStateEntered", entered("OrderRejected")),
            (2, "SucceedStateExited", {}),
            (2, "ExecutionSucceeded", {}),
        )
    )
    assert (reserve.error, reserve.reason, reserve.tries) == ("OutOfStock", "item002", 1)
    assert (rejected.error, rejected.tries) == (None, 0)


def test_an_execution_that_failed_failed_in_its_last_state() -> None:
    (mail,) = read_visits(
        history(
            (0, "TaskStateEntered", entered("SendConfirmation")),
            (0, "TaskScheduled", {}),
            (2, "TaskFailed", failed("EmailRejected", "not JSON")),
            (2, "ExecutionFailed", {"executionFailedEventDetails": {"error": "EmailRejected", "cause": "not JSON"}}),
        )
    )
    assert (mail.seconds, mail.error, mail.reason) == (2.0, "EmailRejected", "not JSON")


RAISED = (
    '{"errorMessage": "no such table", "errorType": "KeyError", "stackTrace": ["  File a.py\\n", "  File b.py\\n"]}'
)
TRACE = "  File a.py\n  File b.py"
PRINTED = "Traceback (most recent call last):\n  File a.py\nKeyError: 'x'"
CUT_OFF = RAISED[:-2] + "x" * 30_000


@pytest.mark.parametrize(
    ("cause", "reason", "trace"),
    [
        (RAISED, "no such table", TRACE),
        (f"KeyError: {RAISED}", "KeyError: no such table", TRACE),  # as the state OrderFailed has it
        ('{"errorMessage": "Task timed out after 58.00 seconds"}', "Task timed out after 58.00 seconds", None),
        ('{"errorMessage": "two\\nlines", "stackTrace": ["  File a.py\\n"]}', "two", "two\nlines\n  File a.py"),
        (PRINTED, "KeyError: 'x'", PRINTED),
        (f"KeyError: {CUT_OFF}", f"KeyError: {CUT_OFF[:500]}", CUT_OFF),
        ("States.Timeout: no answer", "States.Timeout: no answer", None),
        ("", "", None),
    ],
    ids=["a function's", "a Fail state's", "no trace", "two lines", "a printed trace", "cut off", "a text", "none"],
)
def test_a_cause_is_a_sentence_and_the_rest_is_apart(cause: str, reason: str, trace: str | None) -> None:
    (state,) = read_visits(
        history(
            (0, "FailStateEntered", entered("OrderFailed")),
            (0, "ExecutionFailed", {"executionFailedEventDetails": {"error": "OrderFailed", "cause": cause}}),
        )
    )
    assert (state.reason, state.trace) == (reason, trace)


def test_a_bare_function_is_tried_too() -> None:
    (step,) = read_visits(
        history(
            (0, "TaskStateEntered", entered("UpdateOrder")),
            (0, "LambdaFunctionScheduled", {}),
            (1, "LambdaFunctionFailed", {"lambdaFunctionFailedEventDetails": {"error": "X", "cause": "[1]"}}),
        )
    )
    assert (step.tries, step.error, step.reason) == (1, "X", "[1]")


def test_an_execution_that_has_entered_nothing_has_no_visits() -> None:
    assert read_visits(history((0, "ExecutionStarted", {}), (1, "ExecutionAborted", {}))) == ()
