"""What holds whatever a whole step does: the ledger adds up, no order gets two mails, and none is left half done.

A fault at any AWS call is in tests/schedules/test_matrix.py.
"""

from collections.abc import Iterable, Mapping
from itertools import chain, combinations, repeat
from typing import Any

import pytest

from functions.shared.row import ENDS
from ops.books.balance import check_mails, check_order, find_imbalances
from tests.statemachine.machine import TASKS, Fault, Machine, Result, crash, lost, order_input

IN_STOCK = 5

FAULTS = {
    "crash": crash(),
    "timeout": Fault(error="States.Timeout"),
    "done, then a crash": lost("RuntimeError"),
    "done, then a timeout": lost("States.Timeout"),
}
HAPPY = [state for state in TASKS if state not in ("RejectOrder", "ReleaseInventory")]
WANTED = {"in stock": 2, "out of stock": IN_STOCK + 1}


def process(machine: Machine, order: Mapping[str, Any], **faults: Any) -> Result:
    """Run one execution, and what EventBridge has released if it failed."""
    result = machine.run(order, **faults)
    if result.status != "SUCCEEDED":
        machine.abandon(order, result.status)
    return result


def assert_the_ledger_adds_up(machine: Machine, result: Result) -> None:
    order = machine.order()
    assert order
    assert [*find_imbalances([order], available={"book": machine.available("book")}, moved={"book": IN_STOCK})] == []
    assert order.status in ENDS
    is_shown = result.status != "SUCCEEDED"
    assert [*check_order(order), *check_mails(order, len(machine.mails), is_shown=is_shown)] == []


@pytest.mark.parametrize("for_good", [False, True], ids=["once", "for good"])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("state", TASKS)
def test_a_fault_at_any_state_leaves_a_ledger_that_adds_up(
    machine: Machine, state: str, fault: Fault, *, for_good: bool
) -> None:
    wanted = WANTED["out of stock" if state == "RejectOrder" else "in stock"]
    machine.stock(book=IN_STOCK)
    faults: dict[str, Iterable[Fault]] = {state: repeat(fault) if for_good else [fault]}
    if state == "ReleaseInventory":
        faults["ReserveInventory"] = chain([lost()], repeat(crash()))
    result = process(machine, order_input(book=wanted), faults=faults)
    assert state in result.states
    assert_the_ledger_adds_up(machine, result)


@pytest.mark.parametrize(("first", "second"), [*combinations(HAPPY, 2)])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_publishing_again_after_any_faults_finishes_the_order(
    machine: Machine, first: str, second: str, fault: Fault
) -> None:
    machine.stock(book=IN_STOCK)
    process(machine, order_input(book=2), faults={first: [fault], second: repeat(fault)})
    result = process(machine, order_input(book=2, attempt=2))
    assert_the_ledger_adds_up(machine, result)
    assert (result.status, machine.order().status, machine.order().email_status) == (
        "SUCCEEDED",
        "CONFIRMED",
        "SENT",
    )
