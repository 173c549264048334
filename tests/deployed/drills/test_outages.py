"""DynamoDB, SES and Step Functions fail within and beyond the budget of retries, and then come back.

Within it, everything converges without help; beyond it, after the one documented act of an operator. Each drill ends
with the books: stock, statuses, mails and messages of all drills so far.
"""

import pytest

from tests.deployed.conftest import wait_for
from tests.deployed.drills.conftest import Drill, order
from tests.deployed.drills.faults import Fault


def confirmed(drill: Drill, order_id: str, *, attempt: int = 1) -> None:
    row = drill.row(order_id)
    assert (row["status"], row["attempt"], row["email_status"]) == ("CONFIRMED", str(attempt), "SENT")


@pytest.mark.parametrize("fault", [Fault.DOWN, Fault.THROTTLED, Fault.BROKEN, Fault.LOST])
def test_dynamodb_away_for_a_while_delays_an_order_and_no_more(drill: Drill, fault: Fault) -> None:
    name = f"dynamodb-{fault.name}"
    drill.stock_up(**{name: 5})
    drill.dynamodb.fail(fault)
    drill.publish(order(name, **{name: 2}))
    drill.wait_for_retry(name, "UpdateOrder")
    drill.dynamodb.fix()

    assert drill.ended(name)["status"] == "SUCCEEDED"
    confirmed(drill, name)
    drill.settle()


@pytest.mark.parametrize("fault", [Fault.BROKEN_AFTERWARDS, Fault.LOST])
def test_a_reservation_whose_answers_are_lost_for_a_while_takes_the_stock_once(drill: Drill, fault: Fault) -> None:
    name = f"reservation-{fault.name}"
    drill.stock_up(**{name: 5})
    drill.dynamodb.fail(fault, "TransactWriteItems")
    drill.publish(order(name, **{name: 2}))
    drill.wait_for_retry(name, "ReserveInventory")
    drill.dynamodb.fix()

    assert drill.ended(name)["status"] == "SUCCEEDED"
    confirmed(drill, name)
    assert drill.deployed.stock(name) == 3
    drill.settle()


def test_dynamodb_away_beyond_the_budget_fails_the_execution_and_publishing_again_starts_the_next_attempt(
    drill: Drill,
) -> None:
    drill.stock_up(long_away=5)
    drill.spend_budgets_at_once()
    drill.dynamodb.fail(Fault.BROKEN)
    message = order("long-away", long_away=2)
    drill.publish(message)

    assert drill.ended("long-away")["status"] == "FAILED"
    assert drill.deployed.states("long-away") == ["UpdateOrder", "ReleaseInventory"]
    assert drill.row("long-away") == {}
    drill.dynamodb.fix()
    drill.publish(message)
    assert drill.ended("long-away--2")["status"] == "SUCCEEDED"
    confirmed(drill, "long-away", attempt=2)
    drill.settle()


def test_a_reservation_whose_answers_are_lost_beyond_the_budget_is_given_back_once(drill: Drill) -> None:
    """Its stock was taken by the first try, and given back by the first try of the compensation; no answer says so."""
    drill.stock_up(unheard=5)
    drill.spend_budgets_at_once()
    drill.dynamodb.fail(Fault.BROKEN_AFTERWARDS, "TransactWriteItems")
    message = order("unheard", unheard=2)
    drill.publish(message)

    failed = drill.ended("unheard")
    assert (failed["status"], failed["error"]) == ("FAILED", "OrderFailed")
    assert drill.deployed.states("unheard") == ["UpdateOrder", "ReserveInventory", "ReleaseInventory", "OrderFailed"]
    row = drill.row("unheard")
    assert row["status"] == "FAILED"
    assert row["status_reason"].startswith("TransientError: ")
    assert drill.dynamodb.injected["TransactWriteItems"] == 31 + 1
    drill.dynamodb.fix()
    drill.settle()
    assert drill.deployed.stock("unheard") == 5

    drill.publish(message)
    assert drill.ended("unheard--2")["status"] == "SUCCEEDED"
    confirmed(drill, "unheard", attempt=2)
    drill.settle()


@pytest.mark.parametrize("fault", [Fault.DOWN, Fault.THROTTLED])
def test_ses_away_for_a_while_delays_the_mail_and_no_more(drill: Drill, fault: Fault) -> None:
    name = f"ses-{fault.name}"
    drill.stock_up(**{name: 5})
    drill.ses.fail(fault)
    drill.publish(order(name, **{name: 2}))
    drill.wait_for_retry(name, "SendConfirmation")
    row = drill.row(name)
    assert row["status"] == "CONFIRMED"
    assert row["email_status"] in {"PENDING", "SENDING"}
    drill.ses.fix()

    assert drill.ended(name)["status"] == "SUCCEEDED"
    confirmed(drill, name)
    drill.settle()


def test_ses_away_beyond_the_budget_keeps_the_order_and_publishing_again_sends_its_mail(drill: Drill) -> None:
    drill.stock_up(unsent=5)
    drill.spend_budgets_at_once()
    drill.ses.fail(Fault.DOWN)
    message = order("unsent", unsent=2)
    drill.publish(message)

    failed = drill.ended("unsent")
    assert (failed["status"], failed["error"]) == ("FAILED", "TransientError")
    assert drill.deployed.states("unsent")[-1] == "SendConfirmation"
    row = drill.row("unsent")
    assert (row["status"], row["email_status"]) == ("CONFIRMED", "PENDING")
    drill.settle()
    drill.ses.fix()
    drill.publish(message)
    assert drill.ended("unsent--2")["status"] == "SUCCEEDED"
    confirmed(drill, "unsent")
    assert drill.deployed.stock("unsent") == 3
    drill.settle()


def keeps_its_order(drill: Drill, name: str) -> None:
    """The order is CONFIRMED, nobody could even claim its mail, and its execution has FAILED for it."""
    assert drill.ended(name)["status"] == "FAILED"
    assert drill.deployed.states(name)[-1] == "SendConfirmation"
    drill.settle()
    row = drill.row(name)
    assert (row["status"], row.get("email_status")) == ("CONFIRMED", None)
    assert drill.deployed.stock(name) == 3
    assert drill.deployed.mails_to(f"{name}@customer.example") == []


def sends_its_mail(drill: Drill, name: str, message: str) -> None:
    drill.publish(message)
    assert drill.ended(f"{name}--2")["status"] == "SUCCEEDED"
    assert drill.deployed.states(f"{name}--2") == ["UpdateOrder", "SendConfirmation"]
    confirmed(drill, name)
    assert drill.deployed.stock(name) == 3
    assert len(drill.deployed.mails_to(f"{name}@customer.example")) == 1
    drill.settle()


def test_a_mail_whose_claim_is_denied_keeps_its_order_and_is_sent_once_the_permission_is_back(drill: Drill) -> None:
    drill.stock_up(denied=5)
    drill.spend_budgets_at_once()
    drill.dynamodb.fail(Fault.DENIED, "UpdateItem", containing=b"email_claim")
    message = order("denied", denied=2)
    drill.publish(message)
    keeps_its_order(drill, "denied")
    assert drill.dynamodb.injected["UpdateItem"] == 4
    drill.dynamodb.fix()
    sends_its_mail(drill, "denied", message)


def test_a_mail_function_that_cannot_start_keeps_its_order_and_sends_its_mail_once_it_can(drill: Drill) -> None:
    drill.stock_up(broken=5)
    drill.spend_budgets_at_once()
    message = order("broken", broken=2)
    with drill.throttled("SendEmail"):
        drill.publish(message)
        keeps_its_order(drill, "broken")
    sends_its_mail(drill, "broken", message)


@pytest.mark.parametrize(("fault", "mails"), [(Fault.LOST, 1), (Fault.BROKEN_AFTERWARDS, 1), (Fault.BROKEN, 0)])
def test_a_mail_of_which_nobody_knows_is_never_sent_again_by_itself_and_shows(
    drill: Drill, fault: Fault, mails: int
) -> None:
    name = f"unknown-{fault.name}"
    drill.stock_up(**{name: 5})
    drill.ses.fail(fault)
    message = order(name, **{name: 2})
    drill.publish(message)

    failed = drill.ended(name)
    assert (failed["status"], failed["error"]) == ("FAILED", "EmailOutcomeUnknown")
    drill.ses.fix()
    drill.publish(message)
    assert drill.ended(f"{name}--2")["error"] == "EmailOutcomeUnknown"
    row = drill.row(name)
    assert (row["status"], row["email_status"]) == ("CONFIRMED", "UNKNOWN")
    assert len(drill.deployed.mails_to(f"{name}@customer.example")) == mails
    drill.settle()


@pytest.mark.usefixtures("soon_again")
@pytest.mark.parametrize("fault", [Fault.DOWN, Fault.LOST])
def test_step_functions_away_for_a_while_delays_an_order_and_no_more(drill: Drill, fault: Fault) -> None:
    """The starter's try fails, the message comes back; a start whose answer was lost is no second one."""
    name = f"states-{fault.name}"
    drill.stock_up(**{name: 5})
    drill.states.fail(fault)
    drill.publish(order(name, **{name: 2}))
    drill.wait_for_log("StartWorkflow", "left in the queue", name)
    drill.states.fix()

    assert drill.ended(name)["status"] == "SUCCEEDED"
    confirmed(drill, name)
    drill.settle()
    assert drill.deployed.execution(f"{name}--2")["status"] is None
    assert drill.take_dead_letters() == []


@pytest.mark.usefixtures("soon_again")
def test_step_functions_away_beyond_the_last_delivery_leaves_a_dead_letter_that_a_redrive_resumes(drill: Drill) -> None:
    drill.stock_up(stranded=5)
    drill.states.fail(Fault.BROKEN)
    message = order("stranded", stranded=2)
    drill.publish(message)

    (letter,) = wait_for(drill.take_dead_letters, bool)
    assert (letter.body, letter.error_type) == (message, None)
    assert drill.states.injected["StartExecution"] == drill.deliveries()
    drill.states.fix()
    drill.redrive()
    assert drill.ended("stranded")["status"] == "SUCCEEDED"
    confirmed(drill, "stranded")
    drill.settle()
