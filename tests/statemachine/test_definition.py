"""The definition as it is written: the policy of every Task, the names it shares with the functions, its time."""

import inspect
import re
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import Any

import pytest

from functions.reserve_inventory.release import release_stock
from functions.reserve_inventory.reserve import reserve
from functions.send_email.confirmation import confirm_by_mail
from functions.shared import errors
from functions.shared.step import Step
from functions.update_order.transitions import open_order, reject_order
from tests.statemachine.machine import DEFINITION, TASKS

STATES = DEFINITION["States"]
USE_CASES: dict[str, Callable[..., None]] = {
    "UpdateOrder": open_order,
    "ReserveInventory": reserve,
    "SendConfirmation": confirm_by_mail,
    "RejectOrder": reject_order,
    "ReleaseInventory": release_stock,
}
OURS = {name for name, kind in vars(errors).items() if inspect.isclass(kind)}
TRANSIENT = [
    "TransientError",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
    "States.Timeout",
    "Sandbox.Timedout",
]
BACK_OFF: dict[str, Any] = {"IntervalSeconds": 2, "BackoffRate": 2.0, "MaxDelaySeconds": 300, "JitterStrategy": "FULL"}
AN_HOUR, SIX_HOURS = 30, 150  # retries

each_task = pytest.mark.parametrize("state", TASKS)


def raised_by(function: Callable[..., Any]) -> set[str]:
    """The errors that a function's docstring says it raises."""
    raises = (inspect.getdoc(function) or "").partition("Raises:\n")[2]
    return {name for names in re.findall(r"^ {4}([\w, ]+):", raises, re.MULTILINE) for name in names.split(", ")}


def permanent_errors(state: str) -> set[str]:
    return {*TASKS[state]["Retry"][0]["ErrorEquals"]}


def without_comment(rule: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in rule.items() if name != "Comment"}


def names_of(state: str, kind: str) -> list[str]:
    return [name for rule in TASKS[state].get(kind, ()) for name in rule["ErrorEquals"]]


def waits(retrier: dict[str, Any]) -> list[int]:
    """The most that each retry of a rule waits, in seconds."""
    if not retrier["MaxAttempts"]:
        return []
    return [
        min(int(retrier["IntervalSeconds"] * retrier["BackoffRate"] ** retry), retrier["MaxDelaySeconds"])
        for retry in range(retrier["MaxAttempts"])
    ]


def longest_step(state: str) -> int:
    """The most seconds that a state takes: every rule's budget spent, every try timed out."""
    if state not in TASKS:
        return 0
    budgets = [waits(retrier) for retrier in TASKS[state]["Retry"]]
    tries = 1 + sum(len(budget) for budget in budgets)
    return sum(sum(budget) for budget in budgets) + tries * int(TASKS[state]["TimeoutSeconds"])


def next_states(state: str) -> set[str]:
    rules = STATES[state]
    return {rule["Next"] for rule in [rules, *rules.get("Catch", ())] if "Next" in rule}


@cache
def longest_way(state: str) -> tuple[int, tuple[str, ...]]:
    """The most seconds from a state to the end, and the states of that way."""
    rest, way = max((longest_way(following) for following in next_states(state)), default=(0, ()))
    return longest_step(state) + rest, (state, *way)


def test_the_definition_is_jsonpath() -> None:
    assert all(part.get("QueryLanguage", "JSONPath") == "JSONPath" for part in [DEFINITION, *STATES.values()])


def test_every_state_says_what_it_is_for() -> None:
    assert [name for name, state in STATES.items() if not state.get("Comment")] == []


def test_an_order_that_meets_no_error_enters_three_states() -> None:
    way = [DEFINITION["StartAt"]]
    while "Next" in STATES[way[-1]]:
        way.append(STATES[way[-1]]["Next"])
    assert way == ["UpdateOrder", "ReserveInventory", "SendConfirmation"]
    assert STATES[way[-1]]["End"] is True


def test_each_state_entered_is_paid_for_so_none_only_shuffles_data() -> None:
    assert {state["Type"] for state in STATES.values()} == {"Task", "Succeed", "Fail"}


@each_task
def test_a_task_calls_a_function_of_its_own_with_the_payload_that_all_share(state: str) -> None:
    """No path into the context object goes to what may be missing there: it would fail every execution."""
    task = TASKS[state]
    timing = {"timing.$": "$$.Execution"} if state == "SendConfirmation" else {}
    assert task["Resource"] == "arn:aws:states:::lambda:invoke"
    assert task["Parameters"]["Payload"] == {
        "order.$": "$",
        "execution.$": "$$.Execution.Name",
        "state.$": "$$.State.Name",
        "retry_count.$": "$$.State.RetryCount",
        **timing,
    }
    assert re.fullmatch(r"\$\{\w+FunctionArn\}", task["Parameters"]["FunctionName"])
    functions = [other["Parameters"]["FunctionName"] for other in TASKS.values()]
    assert functions.count(task["Parameters"]["FunctionName"]) == 1


@each_task
def test_a_step_changes_the_row_and_not_the_input(state: str) -> None:
    assert TASKS[state]["ResultPath"] is None
    assert all(catcher["ResultPath"] == "$.error" for catcher in TASKS[state].get("Catch", ()))


@each_task
def test_a_task_retries_by_the_one_policy(state: str) -> None:
    permanent, transient, crashes = map(without_comment, TASKS[state]["Retry"])
    budget = SIX_HOURS if state == "SendConfirmation" else AN_HOUR
    assert permanent == {"ErrorEquals": permanent["ErrorEquals"], "MaxAttempts": 0}
    assert transient == {"ErrorEquals": TRANSIENT, **BACK_OFF, "MaxAttempts": budget}
    assert crashes == {"ErrorEquals": ["States.ALL"], **BACK_OFF, "MaxAttempts": 3}


@each_task
def test_a_task_has_its_time_limited(state: str) -> None:
    assert TASKS[state]["TimeoutSeconds"] == 60


@each_task
def test_an_error_is_named_by_one_rule_of_its_kind(state: str) -> None:
    for kind in ("Retry", "Catch"):
        names = names_of(state, kind)
        assert len(names) == len(set(names))


@each_task
def test_every_name_of_ours_is_a_class_of_the_domain(state: str) -> None:
    names = {*names_of(state, "Retry"), *names_of(state, "Catch")}
    assert {name for name in names if "." not in name} <= OURS


@each_task
def test_the_permanent_errors_of_a_task_are_those_its_use_case_raises(state: str) -> None:
    raised = raised_by(USE_CASES[state]) | raised_by(Step.parse)
    assert raised - {"TransientError"} == permanent_errors(state)


def test_every_error_of_the_domain_is_one_that_a_step_raises_or_the_starter() -> None:
    steps = {name for state in TASKS for name in permanent_errors(state)}
    assert steps | {"TransientError", "ConflictingOrder"} == OURS


def test_what_counts_as_an_answer_is_what_no_task_tries_again() -> None:
    assert {kind.__name__ for kind in errors.ANSWERS} == {name for state in TASKS for name in permanent_errors(state)}


@each_task
def test_no_error_but_that_of_a_mail_or_a_release_ends_an_execution_uncaught(state: str) -> None:
    if state in ("SendConfirmation", "ReleaseInventory"):
        assert "States.ALL" not in names_of(state, "Catch")
    else:
        assert {*permanent_errors(state), "States.ALL"} == {*names_of(state, "Catch")}


def test_the_compensation_is_what_a_fault_leads_to() -> None:
    faults = {
        state: catcher["Next"]
        for state in TASKS
        for catcher in TASKS[state].get("Catch", ())
        if catcher["ErrorEquals"] == ["States.ALL"]
    }
    assert faults == dict.fromkeys(("UpdateOrder", "ReserveInventory", "RejectOrder"), "ReleaseInventory")


def test_a_failed_execution_shows_the_error_that_led_there() -> None:
    assert without_comment(STATES["OrderFailed"]) == {
        "Type": "Fail",
        "Error": "OrderFailed",
        "CausePath": "States.Format('{}: {}', $.error.Error, $.error.Cause)",
    }
    for state, rules in STATES.items():
        if "OrderFailed" in next_states(state) and rules.get("Next") == "OrderFailed":
            assert state == "ReleaseInventory", "which nothing but a Catch leads to, so that there is an error"
    assert "ReleaseInventory" not in {rules.get("Next") for rules in STATES.values()}


def test_the_machine_has_time_for_its_longest_way() -> None:
    seconds, way = longest_way(DEFINITION["StartAt"])
    assert [state for state in way if state in TASKS] == [
        "UpdateOrder",
        "ReserveInventory",
        "RejectOrder",
        "ReleaseInventory",
        "SendConfirmation",
    ]
    assert DEFINITION["TimeoutSeconds"] >= seconds


def test_a_comment_that_has_figures_has_the_right_ones() -> None:
    """They are the reason for the machine's TimeoutSeconds, so each is computed anew, and stands where it is needed."""
    step, mail = TASKS["UpdateOrder"], TASKS["SendConfirmation"]
    budget, mail_budget, crash_budget = (waits(rule) for rule in (*step["Retry"][1:2], *mail["Retry"][1:]))
    rising = [wait for wait in budget if wait < BACK_OFF["MaxDelaySeconds"]]
    longest, mail_longest = longest_step("UpdateOrder"), longest_step("SendConfirmation")
    of_budget = f"{sum(rising)} + {len(budget) - len(rising)} x 300 = {sum(budget):,} s at most"
    of_mail_budget = f"{sum(rising)} + {len(mail_budget) - len(rising)} x 300 = {sum(mail_budget):,} s at most"
    of_step = f"{sum(budget):,} + {sum(crash_budget)} + {1 + len(budget) + len(crash_budget)} x 60 = {longest:,} s"
    of_mail = (
        f"{sum(mail_budget):,} + {sum(crash_budget)} + {1 + len(mail_budget) + len(crash_budget)} x 60"
        f" = {mail_longest:,} s"
    )
    seconds = longest_way(DEFINITION["StartAt"])[0]
    for place, fact in (
        (step["Retry"][1], f"waits up to 2, 4, ..., {rising[-1]} s ({sum(rising):,} s for eight), then 300 s each"),
        (step["Retry"][1], f"{len(budget)} retries, {of_budget}. FULL jitter makes that an hour on average"),
        (step["Retry"][2], f"{len(crash_budget)} retries, 2 + 4 + 8 = {sum(crash_budget)} s at most"),
        (step, f"{of_step}: the waits below, and {1 + len(budget) + len(crash_budget)} tries"),
        (mail["Retry"][1], f"{len(mail_budget)} retries: {of_mail_budget}, six hours on average"),
        (mail, of_mail),
        (DEFINITION, f"4 x {longest:,} + {mail_longest:,} = {seconds:,} s"),
        (DEFINITION, f"under TimeoutSeconds {DEFINITION['TimeoutSeconds']:,}"),
    ):
        assert fact in place["Comment"]
    hours = [round(sum(waited) / 2 / 3600) for waited in (budget, mail_budget)]  # FULL jitter waits half of the most
    assert (len(rising), crash_budget, hours) == (8, [2, 4, 8], [1, 6])


def test_waits_only_rise() -> None:
    for state in TASKS:
        for retrier in TASKS[state]["Retry"]:
            assert all(earlier <= later for earlier, later in pairwise(waits(retrier)))
