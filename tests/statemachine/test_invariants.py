"""What holds whatever goes wrong: the ledger adds up, no order gets two mails, and no order is left half done."""

from collections.abc import Mapping
from itertools import chain, combinations, repeat
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

from tests.statemachine.machine import TASKS, CallFault, Fault, Machine, Result, crash, lost, order_input, refused

IN_STOCK = 5
ENDS = {"CONFIRMED", "REJECTED", "FAILED"}

FAULTS = {
    "crash": crash(),
    "timeout": Fault(error="States.Timeout"),
    "done, then a crash": lost("RuntimeError"),
    "done, then a timeout": lost("States.Timeout"),
}
CALL_FAULTS = {
    "unreachable": CallFault(error=ConnectTimeoutError(endpoint_url="aws")),
    "throttled": CallFault(error=refused("ThrottlingException", 400)),
    "denied": CallFault(error=refused("AccessDeniedException", 400)),
    "fault": CallFault(error=refused("InternalServerError", 500)),
    "answer lost": CallFault(error=ReadTimeoutError(endpoint_url="aws"), done=True),
    "done, then a fault": CallFault(error=refused("InternalServerError", 500), done=True),
}
# The calls of an order on its way: UpdateOrder, the claim of its mail and the mail's outcome are one operation.
CALLS = [
    ("dynamodb.UpdateItem", 0),
    ("dynamodb.UpdateItem", 1),
    ("dynamodb.UpdateItem", 2),
    ("dynamodb.TransactWriteItems", 0),
    ("sesv2.SendEmail", 0),
]
HAPPY = [state for state in TASKS if state not in ("RejectOrder", "ReleaseInventory")]
WANTED = {"in stock": 2, "out of stock": IN_STOCK + 1}


def process(machine: Machine, order: Mapping[str, Any], **faults: Any) -> Result:
    """Run one execution, and what EventBridge has released if it failed."""
    result = machine.run(order, **faults)
    if result.status != "SUCCEEDED":
        machine.abandon(order, result.status)
    return result


def assert_the_ledger_adds_up(machine: Machine, wanted: int) -> None:
    row = machine.order()
    taken = wanted if row["status"] == "CONFIRMED" else 0
    assert machine.available("book") + taken == IN_STOCK
    assert row["status"] in ENDS
    assert len(machine.mails) <= 1
    if machine.mails:
        assert row["status"] == "CONFIRMED"
        assert row["email_status"] in ("SENT", "UNKNOWN")


def assert_the_execution_says_what_became_of_the_order(machine: Machine, result: Result) -> None:
    row = machine.order()
    if result.status == "SUCCEEDED":
        assert row["status"] in ("CONFIRMED", "REJECTED")
        assert (row["status"] == "CONFIRMED") == (machine.mails != [])
    else:
        assert row["status"] == "FAILED" or row.get("email_status") != "SENT"


@pytest.mark.parametrize("for_good", [False, True], ids=["once", "for good"])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("state", TASKS)
def test_a_fault_at_any_state_leaves_a_ledger_that_adds_up(
    machine: Machine, state: str, fault: Fault, *, for_good: bool
) -> None:
    wanted = WANTED["out of stock" if state == "RejectOrder" else "in stock"]
    machine.stock(book=IN_STOCK)
    faults = {state: repeat(fault) if for_good else [fault]}
    if state == "ReleaseInventory":
        faults["ReserveInventory"] = chain([lost()], repeat(crash()))
    result = process(machine, order_input(book=wanted), faults=faults)
    assert state in result.states
    assert_the_ledger_adds_up(machine, wanted)


@pytest.mark.parametrize("fault", CALL_FAULTS.values(), ids=CALL_FAULTS)
@pytest.mark.parametrize(("operation", "number"), CALLS)
def test_a_fault_at_any_call_leaves_a_ledger_that_adds_up(
    machine: Machine, operation: str, number: int, fault: CallFault
) -> None:
    machine.stock(book=IN_STOCK)
    result = process(machine, order_input(book=2), calls={operation: [*[None] * number, fault]})
    assert_the_ledger_adds_up(machine, 2)
    assert_the_execution_says_what_became_of_the_order(machine, result)


@pytest.mark.parametrize(("first", "second"), [*combinations(HAPPY, 2)])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_publishing_again_after_any_faults_finishes_the_order(
    machine: Machine, first: str, second: str, fault: Fault
) -> None:
    machine.stock(book=IN_STOCK)
    process(machine, order_input(book=2), faults={first: [fault], second: repeat(fault)})
    result = process(machine, order_input(book=2, attempt=2))
    assert_the_ledger_adds_up(machine, 2)
    assert (result.status, machine.order()["status"], machine.order()["email_status"]) == (
        "SUCCEEDED",
        "CONFIRMED",
        "SENT",
    )
