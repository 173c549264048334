"""What docs/breaking-things.md does with `python -m local.faults`, on the deployed stack."""

from collections.abc import Iterator

import pytest

from local import faults
from tests.deployed.drills.conftest import Drill, order


@pytest.fixture(autouse=True)
def fixed_at_last(drill: Drill) -> Iterator[None]:
    yield
    faults.fix_functions(drill.deployed.aws)


def test_a_crashing_step_fails_the_order_and_once_it_is_fixed_a_retry_confirms_it(drill: Drill) -> None:
    drill.stock_up(purpose_tea=5)
    faults.crash_step(drill.deployed.aws, "reserve_inventory")
    body = order("purpose-crash", purpose_tea=1)
    drill.publish(body)
    assert drill.ended("purpose-crash")["status"] == "FAILED"
    assert drill.row("purpose-crash")["status_reason"] == "KeyError: 'ORDERS_TABLE'"
    faults.fix_functions(drill.deployed.aws)
    drill.publish(body)
    assert drill.ended("purpose-crash--2")["status"] == "SUCCEEDED"
    drill.settle()


def test_a_mail_waits_for_ses_to_be_back(drill: Drill) -> None:
    drill.stock_up(purpose_ink=5)
    faults.send_away(drill.deployed.aws, "ses")
    drill.publish(order("purpose-mail", purpose_ink=1))
    drill.wait_for_retry("purpose-mail", "SendConfirmation")
    assert drill.row("purpose-mail")["status"] == "CONFIRMED"
    faults.fix_functions(drill.deployed.aws)
    ended = drill.ended("purpose-mail")["status"], drill.row("purpose-mail")["email_status"]
    # `fix` starts the function's processes anew: it may cut off a try, whose mail may have left.
    assert ended in {("SUCCEEDED", "SENT"), ("FAILED", "UNKNOWN")}
    assert drill.row("purpose-mail")["status"] == "CONFIRMED"
    drill.settle()
