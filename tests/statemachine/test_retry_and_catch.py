"""Every Retry and every Catch of the definition, taken by name: the cases are read from the file, none is listed."""

from collections import deque
from collections.abc import Iterable
from itertools import repeat
from typing import Any

import pytest

from tests.statemachine.machine import DEFINITION, TASKS, Fault, Machine, crash, order_input

STATES = DEFINITION["States"]


def injected(name: str) -> Fault:
    """The error itself; for the name that matches all, one that no other name matches."""
    return crash() if name == "States.ALL" else Fault(error=name)


def matching(rules: list[dict[str, Any]], error: str) -> dict[str, Any] | None:
    return next((rule for rule in rules if {error, "States.ALL"} & {*rule["ErrorEquals"]}), None)


def way_to(state: str) -> dict[str, Iterable[Fault]]:
    """The faults that lead an order in stock to this state: the fewest that do."""
    ways: deque[tuple[str, dict[str, Iterable[Fault]]]] = deque([(DEFINITION["StartAt"], {})])
    seen: set[str] = set()
    while ways:
        here, faults = ways.popleft()
        if here == state:
            return faults
        if here in seen:
            continue
        seen.add(here)
        ways.extend(
            (catcher["Next"], faults | {here: repeat(injected(catcher["ErrorEquals"][0]))})
            for catcher in STATES[here].get("Catch", ())
        )
        if "Next" in STATES[here]:
            ways.appendleft((STATES[here]["Next"], faults))
    raise AssertionError(f"no way leads to {state}")


def run_into(machine: Machine, state: str, faults: Iterable[Fault]) -> Any:
    machine.stock(book=5)
    result = machine.run(order_input(), faults={**way_to(state), state: faults})
    assert state in result.states
    return result


def names_in(kind: str) -> list[Any]:
    """Each name that each rule of this kind has, as a case named for it."""
    return [
        pytest.param(state, index, name, id=f"{state}-{kind}{index}-{name}")
        for state, rules in TASKS.items()
        for index, rule in enumerate(rules.get(kind, ()))
        for name in rule["ErrorEquals"]
    ]


RETRIERS = [
    pytest.param(state, index, rule["ErrorEquals"][0], id=f"{state}-Retry{index}")
    for state, rules in TASKS.items()
    for index, rule in enumerate(rules["Retry"])
]


@pytest.mark.parametrize(("state", "index", "error"), names_in("Retry"))
def test_an_error_is_retried_by_the_rule_that_names_it(machine: Machine, state: str, index: int, error: str) -> None:
    retrier = TASKS[state]["Retry"][index]
    result = run_into(machine, state, [injected(error)])
    if retrier["MaxAttempts"] == 0:
        assert result.tries[state] == 1
        assert state not in result.waits
    else:
        assert result.tries[state] == 2
        assert result.waits[state] == [retrier["IntervalSeconds"]]
        assert result.next_after(state) == TASKS[state].get("Next")


@pytest.mark.parametrize(("state", "index", "error"), RETRIERS)
def test_a_rule_retries_for_as_long_as_its_budget_lasts(machine: Machine, state: str, index: int, error: str) -> None:
    retrier = TASKS[state]["Retry"][index]
    result = run_into(machine, state, repeat(injected(error)))
    assert result.tries[state] == 1 + retrier["MaxAttempts"]
    assert result.waits.get(state, []) == [
        min(retrier["IntervalSeconds"] * retrier["BackoffRate"] ** retry, retrier["MaxDelaySeconds"])
        for retry in range(retrier["MaxAttempts"])
    ]
    catcher = matching(TASKS[state].get("Catch", []), error)
    assert result.next_after(state) == (catcher["Next"] if catcher else None)
    if catcher is None:
        assert (result.status, result.error) == ("FAILED", injected(error).error)


@pytest.mark.parametrize(("state", "index", "error"), names_in("Catch"))
def test_an_error_is_caught_by_the_rule_that_names_it(machine: Machine, state: str, index: int, error: str) -> None:
    catcher = TASKS[state]["Catch"][index]
    result = run_into(machine, state, repeat(injected(error)))
    assert result.next_after(state) == catcher["Next"]
    if result.status == "FAILED":
        assert result.error, "whoever looks at the execution must see why"


@pytest.mark.parametrize("state", [name for name, rules in TASKS.items() if "Catch" in rules])
def test_a_transient_error_that_stays_is_caught_like_a_crash_or_shown(machine: Machine, state: str) -> None:
    result = run_into(machine, state, repeat(Fault(error="States.Timeout")))
    catcher = matching(TASKS[state]["Catch"], "States.Timeout")
    if catcher:
        assert result.next_after(state) == catcher["Next"]
    else:
        assert (result.status, result.next_after(state), result.error) == ("FAILED", None, "States.Timeout")


def test_the_budgets_of_two_rules_are_spent_apart(machine: Machine) -> None:
    machine.stock(book=5)
    faults = [Fault(error="TransientError"), crash()] * 3
    result = machine.run(order_input(), faults={"ReserveInventory": faults})
    assert (result.status, result.tries["ReserveInventory"]) == ("SUCCEEDED", 7)
    assert result.waits["ReserveInventory"] == [2, 2, 4, 4, 8, 8]
