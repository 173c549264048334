"""What becomes of an order: the real state machine with the real handlers, in good times and in bad."""

import json
from collections import Counter
from itertools import chain, repeat
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

from tests.statemachine.machine import (
    CUSTOMER,
    LONGEST_RUN,
    CallFault,
    Fault,
    Machine,
    Result,
    crash,
    lost,
    order_input,
    refused,
)

TIMED_OUT = Fault(error="States.Timeout")
THROTTLED = CallFault(error=refused("TooManyRequestsException", 429))
UNREACHABLE = CallFault(error=ConnectTimeoutError(endpoint_url="ses"))
ANSWER_LOST = CallFault(error=ReadTimeoutError(endpoint_url="ses"), done=True)


def what_led_to(failed: Result) -> str:
    """Give the name of the error that brought an order to OrderFailed: the cause begins with it."""
    assert failed.error == "OrderFailed"
    return failed.cause.split(": ")[0]


def test_an_order_in_stock_takes_three_states_and_is_confirmed_with_one_mail(machine: Machine) -> None:
    machine.stock(book=5, pen=1)
    order = order_input(book=2, pen=1)
    result = machine.run(order)
    assert (result.status, result.states) == ("SUCCEEDED", ("UpdateOrder", "ReserveInventory", "SendConfirmation"))
    assert (set(result.tries.values()), result.waits, result.output) == ({1}, {}, order)
    assert (machine.available("book"), machine.available("pen")) == (3, 0)
    assert (machine.order().status, machine.order().email_status) == ("CONFIRMED", "SENT")
    assert machine.mails == [CUSTOMER]


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ({"book": 2, "pen": 2}, "pen: 2 wanted, 1 available"),
        ({"book": 2, "nib": 1}, "nib: 1 wanted, unknown item"),
    ],
)
def test_an_order_that_is_out_of_stock_is_rejected_and_nothing_is_taken(
    machine: Machine, wanted: dict[str, Any], reason: str
) -> None:
    machine.stock(book=5, pen=1)
    result = machine.run(order_input(**wanted))
    assert result.status == "SUCCEEDED"
    assert result.states == ("UpdateOrder", "ReserveInventory", "RejectOrder", "OrderRejected")
    assert (machine.available("book"), machine.available("pen")) == (5, 1)
    assert (machine.order().status, machine.order().status_reason) == ("REJECTED", f"OutOfStock: {reason}")
    assert machine.mails == []


def test_an_order_that_is_confirmed_already_goes_on_to_its_mail(machine: Machine) -> None:
    machine.stock(book=5)
    machine.run(order_input())
    result = machine.run(order_input(attempt=2))
    assert (result.status, result.states) == ("SUCCEEDED", ("UpdateOrder", "SendConfirmation"))
    assert (machine.available("book"), machine.mails) == (3, [CUSTOMER])


@pytest.mark.parametrize("status", ["REJECTED", "CANCELLED"])
def test_an_order_that_is_closed_already_stays_so(machine: Machine, status: str) -> None:
    machine.stock(book=5)
    machine.set_order(status=status, attempt=1)
    result = machine.run(order_input(attempt=2))
    assert (result.status, result.states) == ("SUCCEEDED", ("UpdateOrder", "OrderAlreadyClosed"))
    assert (machine.order().status, machine.available("book"), machine.mails) == (status, 5, [])


def test_an_attempt_that_has_failed_is_not_reopened_and_everyone_can_see_it(machine: Machine) -> None:
    machine.stock(book=5)
    machine.set_order(status="FAILED", attempt=1)
    result = machine.run(order_input(attempt=1))
    assert (result.status, result.states) == ("FAILED", ("UpdateOrder", "OrderFailed"))
    assert what_led_to(result) == "OrderAlreadyFailed"
    assert "order '12345' is FAILED by attempt 1" in result.cause
    assert (machine.order().status, machine.available("book")) == ("FAILED", 5)


def test_the_next_attempt_of_a_failed_order_starts_afresh(machine: Machine) -> None:
    machine.stock(book=5)
    machine.set_order(status="FAILED", attempt=1, status_reason="a fault")
    result = machine.run(order_input(attempt=2))
    assert (result.status, result.states[-1]) == ("SUCCEEDED", "SendConfirmation")
    assert (machine.order().status, machine.order().attempt) == ("CONFIRMED", 2)
    assert machine.order().status_reason is None


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        ({"order_id": None}, "order_id"),
        ({"order_id": ""}, "order_id"),
        ({"customer_email": 7}, "customer_email"),
        ({"items": []}, "items"),
        ({"items": {}}, "items"),
        ({"items": ["book"]}, "item_id"),
        ({"items": [{"item_id": "book", "quantity": "2"}]}, "quantity"),
        ({"items": [{"item_id": "book", "quantity": True}]}, "quantity"),
        ({"items": [{"item_id": "book", "quantity": 0}]}, "quantity"),
        ({"items": [{"item_id": "book", "quantity": -2}]}, "quantity"),
        ({"attempt": None}, "attempt"),
    ],
)
def test_an_execution_started_by_hand_with_no_order_fails_at_once_and_compensates_nothing(
    machine: Machine, broken: dict[str, object], field: str
) -> None:
    machine.stock(book=5)
    result = machine.run(order_input() | broken)
    assert (result.status, result.states) == ("FAILED", ("UpdateOrder", "OrderFailed"))
    assert result.tries == {"UpdateOrder": 1}
    assert what_led_to(result) == "InvalidOrder"
    assert json.loads(result.cause.removeprefix("InvalidOrder: "))["errorMessage"].startswith(f"{field}: ")
    assert (machine.order().status, machine.available("book")) == (None, 5)


def test_an_order_that_cannot_be_opened_ends_failed_once_the_budget_is_spent(machine: Machine) -> None:
    machine.stock(book=5)
    result = machine.run(order_input(), faults={"UpdateOrder": repeat(TIMED_OUT)})
    assert (result.status, result.states) == ("FAILED", ("UpdateOrder", "ReleaseInventory", "OrderFailed"))
    assert what_led_to(result) == "States.Timeout"
    assert (machine.order().status, machine.order().attempt) == ("FAILED", 1)
    assert str(machine.order().status_reason).startswith("States.Timeout")
    assert machine.available("book") == 5


def test_an_update_that_lands_after_its_compensation_does_not_reopen_the_order(machine: Machine) -> None:
    machine.stock(book=5)
    machine.run(order_input(), faults={"UpdateOrder": repeat(TIMED_OUT)})
    assert machine.invoke("UpdateOrder", order_input()) == "OrderAlreadyFailed"
    assert machine.order().status == "FAILED"


def test_a_reservation_whose_answer_is_lost_takes_the_stock_once(machine: Machine) -> None:
    machine.stock(book=5)
    result = machine.run(order_input(), faults={"ReserveInventory": [lost()]})
    assert (result.status, result.tries["ReserveInventory"]) == ("SUCCEEDED", 2)
    assert (machine.order().status, machine.available("book"), machine.mails) == ("CONFIRMED", 3, [CUSTOMER])


def test_stock_that_a_lost_reservation_took_is_given_back_when_its_budget_is_spent(machine: Machine) -> None:
    machine.stock(book=5)
    taken: list[int] = []
    result = machine.run(
        order_input(),
        faults={
            "ReserveInventory": chain([lost()], repeat(TIMED_OUT)),
            "ReleaseInventory": [Fault(meanwhile=lambda: taken.append(machine.available("book")))],
        },
    )
    assert result.states == ("UpdateOrder", "ReserveInventory", "ReleaseInventory", "OrderFailed")
    assert (result.status, taken) == ("FAILED", [3])
    assert (machine.order().status, machine.available("book"), machine.mails) == ("FAILED", 5, [])


def test_a_late_reservation_after_release_takes_no_stock(machine: Machine) -> None:
    machine.stock(book=5)
    machine.run(order_input(), faults={"ReserveInventory": repeat(TIMED_OUT)})
    assert machine.invoke("ReserveInventory", order_input()) == "OrderAlreadyFailed"
    assert (machine.order().status, machine.available("book")) == ("FAILED", 5)


def test_a_reservation_that_lands_after_out_of_stock_was_found_goes_on_to_its_mail(machine: Machine) -> None:
    machine.stock(book=1)

    def late_reservation() -> None:
        machine.stock(book=5)
        assert machine.invoke("ReserveInventory", order_input()) is None

    result = machine.run(
        order_input(), faults={"ReserveInventory": [TIMED_OUT], "RejectOrder": [Fault(meanwhile=late_reservation)]}
    )
    assert result.states == ("UpdateOrder", "ReserveInventory", "RejectOrder", "SendConfirmation")
    assert (result.status, machine.order().status) == ("SUCCEEDED", "CONFIRMED")
    assert (machine.available("book"), machine.mails) == (3, [CUSTOMER])


def test_a_rejection_whose_answer_is_lost_is_done(machine: Machine) -> None:
    result = machine.run(order_input(), faults={"RejectOrder": [lost()]})
    assert (result.status, result.states[-1]) == ("SUCCEEDED", "OrderRejected")
    assert machine.order().status == "REJECTED"


def test_an_order_cancelled_before_its_reservation_takes_no_stock(machine: Machine) -> None:
    machine.stock(book=5)
    cancel = Fault(meanwhile=lambda: machine.set_order(status="CANCELLED"))
    result = machine.run(order_input(), faults={"ReserveInventory": [cancel]})
    assert result.states == ("UpdateOrder", "ReserveInventory", "OrderAlreadyClosed")
    assert (result.status, machine.available("book"), machine.mails) == ("SUCCEEDED", 5, [])


def test_an_order_whose_mail_was_claimed_is_not_taken_back(machine: Machine) -> None:
    machine.stock(book=5)
    mail = Fault(meanwhile=lambda: machine.invoke("SendEmail", order_input()))
    result = machine.run(
        order_input(), faults={"ReserveInventory": chain([lost()], repeat(crash())), "ReleaseInventory": [mail]}
    )
    assert result.states == ("UpdateOrder", "ReserveInventory", "ReleaseInventory", "SendConfirmation")
    assert (result.status, machine.order().status) == ("SUCCEEDED", "CONFIRMED")
    assert (machine.available("book"), machine.mails) == (3, [CUSTOMER])


def test_a_release_whose_answer_is_lost_gives_back_once(machine: Machine) -> None:
    machine.stock(book=5)
    result = machine.run(
        order_input(),
        faults={"ReserveInventory": chain([lost()], repeat(crash())), "ReleaseInventory": [lost(), lost()]},
    )
    assert (result.status, what_led_to(result)) == ("FAILED", "RuntimeError")
    assert (machine.order().status, machine.available("book")) == ("FAILED", 5)


def test_what_a_spent_release_leaves_behind_stays_confirmed_and_goes_on_to_its_mail_when_published_again(
    machine: Machine,
) -> None:
    machine.stock(book=5)
    result = machine.run(
        order_input(),
        faults={"ReserveInventory": chain([lost()], repeat(crash())), "ReleaseInventory": repeat(TIMED_OUT)},
    )
    assert (result.status, result.states[-1], result.error) == ("FAILED", "ReleaseInventory", "States.Timeout")
    machine.abandon(order_input(), result.status)
    assert (machine.order().status, machine.available("book"), machine.mails) == ("CONFIRMED", 3, [])
    again = machine.run(order_input(attempt=2))
    assert (again.status, again.states) == ("SUCCEEDED", ("UpdateOrder", "SendConfirmation"))
    assert (machine.order().status, machine.available("book"), machine.mails) == ("CONFIRMED", 3, [CUSTOMER])


@pytest.mark.parametrize("error", ["AccessDenied", "Runtime.ImportModuleError", "Lambda.TooManyRequestsException"])
def test_a_mail_step_that_cannot_run_cancels_no_order_and_goes_on_when_published_again(
    machine: Machine, error: str
) -> None:
    machine.stock(book=5)
    result = machine.run(order_input(), faults={"SendConfirmation": repeat(Fault(error=error))})
    assert (result.status, result.states[-1], result.error) == ("FAILED", "SendConfirmation", error)
    machine.abandon(order_input(), result.status)
    assert (machine.order().status, machine.available("book"), machine.mails) == ("CONFIRMED", 3, [])
    again = machine.run(order_input(attempt=2))
    assert (again.status, again.states) == ("SUCCEEDED", ("UpdateOrder", "SendConfirmation"))
    assert (machine.order().status, machine.available("book"), machine.mails) == ("CONFIRMED", 3, [CUSTOMER])


def test_a_mail_that_did_not_leave_is_tried_again_until_it_does(machine: Machine) -> None:
    machine.stock(book=5)
    result = machine.run(order_input(), calls={"sesv2.SendEmail": [THROTTLED, UNREACHABLE]})
    assert (result.status, result.tries["SendConfirmation"]) == ("SUCCEEDED", 3)
    assert result.waits == {"SendConfirmation": [2, 4]}
    assert (machine.order().email_status, machine.mails) == ("SENT", [CUSTOMER])


def test_a_refused_mail_fails_the_execution_where_everyone_sees_it_and_keeps_the_order(machine: Machine) -> None:
    machine.stock(book=5)
    machine.distrust_sender()
    result = machine.run(order_input())
    assert (result.status, result.states[-1], result.error) == ("FAILED", "SendConfirmation", "EmailRejected")
    assert result.tries["SendConfirmation"] == 1
    assert (machine.order().status, machine.order().email_status) == ("CONFIRMED", "REJECTED")
    machine.abandon(order_input(), result.status)
    assert (machine.order().status, machine.available("book"), machine.mails) == ("CONFIRMED", 3, [])


def test_publishing_again_sends_the_mail_that_was_refused(machine: Machine) -> None:
    machine.stock(book=5)
    machine.distrust_sender()
    machine.run(order_input())
    machine.trust_sender()
    result = machine.run(order_input(attempt=2))
    assert (result.status, result.states) == ("SUCCEEDED", ("UpdateOrder", "SendConfirmation"))
    assert (machine.order().email_status, machine.available("book"), machine.mails) == ("SENT", 3, [CUSTOMER])


@pytest.mark.parametrize("fault", [ANSWER_LOST, CallFault(error=refused("InternalFailure", 500), done=True)])
def test_a_mail_that_may_have_left_is_never_sent_again_by_itself(machine: Machine, fault: CallFault) -> None:
    machine.stock(book=5)
    result = machine.run(order_input(), calls={"sesv2.SendEmail": [fault]})
    assert (result.status, result.states[-1], result.error) == ("FAILED", "SendConfirmation", "EmailOutcomeUnknown")
    assert (machine.order().status, machine.order().email_status) == ("CONFIRMED", "UNKNOWN")
    again = machine.run(order_input(attempt=2))
    assert (again.status, again.error) == ("FAILED", "EmailOutcomeUnknown")
    assert (machine.order().email_status, machine.mails) == ("UNKNOWN", [CUSTOMER])


def test_a_mail_of_an_invocation_that_never_came_back_is_unknown(machine: Machine) -> None:
    machine.stock(book=5)
    died = Fault(
        error="Sandbox.Timedout", meanwhile=lambda: machine.set_order(email_status="SENDING", email_claim="dead")
    )
    result = machine.run(order_input(), faults={"SendConfirmation": [died]})
    assert (result.status, result.error) == ("FAILED", "EmailOutcomeUnknown")
    assert (machine.order().status, machine.order().email_status) == ("CONFIRMED", "UNKNOWN")
    assert machine.mails == []


def test_a_sent_mail_whose_answer_is_lost_is_not_sent_again(machine: Machine) -> None:
    machine.stock(book=5)
    result = machine.run(order_input(), faults={"SendConfirmation": [lost(), lost("Lambda.Unknown")]})
    assert (result.status, result.tries["SendConfirmation"]) == ("SUCCEEDED", 3)
    assert (machine.order().email_status, machine.mails) == ("SENT", [CUSTOMER])


@pytest.mark.parametrize(("status", "end"), [("CANCELLED", "OrderAlreadyClosed"), ("FAILED", "OrderFailed")])
def test_an_order_closed_before_its_mail_gets_none(machine: Machine, status: str, end: str) -> None:
    machine.stock(book=5)
    close = Fault(meanwhile=lambda: machine.set_order(status=status))
    result = machine.run(order_input(), faults={"SendConfirmation": [close]})
    assert (result.states[-1], machine.order().status, machine.mails) == (end, status, [])


def test_each_retry_is_counted_and_each_outcome_once(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.stock(book=5)
    machine.run(order_input(), faults={"UpdateOrder": [TIMED_OUT, crash()], "ReserveInventory": [lost()]})
    counted: Counter[str] = Counter()
    for line in capsys.readouterr().out.splitlines():
        blob = json.loads(line)
        for metric in blob["_aws"]["CloudWatchMetrics"][0]["Metrics"] if "_aws" in blob else ():
            counted[metric["Name"]] += sum(blob[metric["Name"]])
    # Of the retries, the second of UpdateOrder and that of ReserveInventory reached their handlers.
    assert 0 < counted.pop("SecondsToMail") < LONGEST_RUN
    assert counted == {"StepsRetried": 2, "OrdersConfirmed": 1, "MailsSent": 1}
