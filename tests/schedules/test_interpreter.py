"""The interpreter takes every error the way that the definition says: its first retrier, then its first catcher."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.schedules.interpreter import DEFINITION, Execution

TASKS = {name: state for name, state in DEFINITION["States"].items() if state["Type"] == "Task"}
INPUT = json.dumps({"attempt": 1, "customer_email": "c@example.com", "items": [], "order_id": "1"})


def execution(most_retries: int = 1000) -> Execution:
    return Execution("name", INPUT, datetime(2026, 1, 1, tzinfo=UTC), most_retries)


def at(state: str, most_retries: int = 1000) -> Execution:
    """An execution that stands before this state, led there by an error as every caught one is."""
    found = execution(most_retries)
    found._data["error"] = {"Error": "Planned", "Cause": "by the test"}
    found._enter(state)
    return found


def first_for(error: str, rules: list[dict[str, Any]]) -> dict[str, Any] | None:
    return next((rule for rule in rules if {error, "States.ALL"} & {*rule["ErrorEquals"]}), None)


def named_errors() -> Iterator[tuple[str, str]]:
    for name, state in TASKS.items():
        for error in {error for rule in state["Retry"] + state["Catch"] for error in rule["ErrorEquals"]}:
            yield name, "SomethingUnforeseen" if error == "States.ALL" else error


@pytest.mark.parametrize(("state", "error"), sorted(named_errors()))
def test_an_error_is_tried_again_as_often_as_its_first_retrier_says_and_then_caught(state: str, error: str) -> None:
    retrier = first_for(error, TASKS[state]["Retry"])
    catcher = first_for(error, TASKS[state]["Catch"])
    assert retrier
    found = at(state)
    tries = 0
    while found.running and found.state == state and tries <= retrier["MaxAttempts"]:
        assert found.call().payload["retry_count"] == tries
        found.fail(error, "planned")
        tries += 1
    assert tries == retrier["MaxAttempts"] + 1
    assert found.state == (catcher["Next"] if catcher else state)
    assert found.running == (catcher is not None and found.state in TASKS)


def test_a_retry_budget_can_be_made_small_but_never_grows() -> None:
    found = at("ReserveInventory", most_retries=1)
    found.fail("TransientError", "planned")
    assert found.state == "ReserveInventory"
    found.fail("TransientError", "planned")
    assert found.state == "ReleaseInventory"


def test_a_permanent_error_is_not_tried_again_whatever_the_budget() -> None:
    found = at("ReserveInventory", most_retries=1000)
    found.fail("OutOfStock", "planned")
    assert found.state == "RejectOrder"


def test_each_kind_of_error_has_a_budget_of_its_own() -> None:
    found = at("ReserveInventory", most_retries=1)
    found.fail("TransientError", "planned")
    found.fail("Runtime.ExitError", "planned")
    assert found.state == "ReserveInventory"
    found.fail("TransientError", "planned")
    assert found.state == "ReleaseInventory"


def test_the_error_that_led_to_the_end_is_the_cause_of_the_failed_execution() -> None:
    found = execution()
    found.fail("OrderAlreadyFailed", "attempt 1 is over")
    assert (found.status, found.error, found.cause) == (
        "FAILED",
        "OrderFailed",
        "OrderAlreadyFailed: attempt 1 is over",
    )


def test_a_redriven_execution_goes_on_where_it_ended_with_its_retries_anew() -> None:
    found = at("SendConfirmation")
    found.fail("EmailRejected", "planned")
    assert (found.status, found.error) == ("FAILED", "EmailRejected")
    found.redrive()
    assert (found.status, found.state, found.call().payload["retry_count"]) == ("RUNNING", "SendConfirmation", 0)
    found.succeed()
    assert found.status == "SUCCEEDED"


def test_a_step_is_given_the_order_and_the_error_that_led_to_it() -> None:
    found = execution()
    found.fail("ClientError", "{}")
    for _ in range(3):
        found.fail("ClientError", "{}")
    call = found.call()
    assert call.function == "ReleaseInventory"
    assert call.payload["order"] == json.loads(INPUT) | {"error": {"Error": "ClientError", "Cause": "{}"}}
    assert (call.payload["execution"], call.payload["state"]) == ("name", "ReleaseInventory")
