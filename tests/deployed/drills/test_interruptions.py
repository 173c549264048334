"""Executions stopped in the middle, an account that is throttled, and many at once."""

import pytest

from tests.deployed.conftest import wait_for
from tests.deployed.drills.conftest import Drill, order
from tests.deployed.drills.faults import Fault


@pytest.mark.parametrize(("construct", "status"), [("ReserveInventory", "PROCESSING"), ("SendEmail", "CONFIRMED")])
def test_an_execution_stopped_before_its_mail_was_tried_gives_back_what_it_took(
    drill: Drill, construct: str, status: str
) -> None:
    name = f"stopped-{status}"
    drill.stock_up(**{name: 5})
    message = order(name, **{name: 2})
    with drill.throttled(construct):
        drill.publish(message)
        wait_for(lambda: drill.row(name).get("status"), lambda found: found == status)
        drill.stop(name)
        wait_for(lambda: drill.row(name)["status"], lambda found: found == "FAILED")
    drill.settle()
    assert drill.deployed.stock(name) == 5

    drill.publish(message)
    assert drill.ended(f"{name}--2")["status"] == "SUCCEEDED"
    assert drill.row(name)["email_status"] == "SENT"
    drill.settle()


def test_an_execution_stopped_after_its_mail_was_tried_keeps_its_order(drill: Drill) -> None:
    drill.stock_up(kept=5)
    drill.ses.fail(Fault.THROTTLED)
    message = order("kept", kept=2)
    drill.publish(message)
    wait_for(lambda: drill.row("kept").get("email_status"), lambda found: found == "PENDING")
    drill.stop("kept")
    drill.ses.fix()
    drill.wait_for_log("ReleaseAbandoned", "the order stays confirmed", "kept")
    drill.settle()
    assert drill.row("kept")["status"] == "CONFIRMED"

    drill.publish(message)
    assert drill.ended("kept--2")["status"] == "SUCCEEDED"
    assert drill.row("kept")["email_status"] == "SENT"
    drill.settle()


def test_a_throttled_account_delays_orders_and_no_more(drill: Drill) -> None:
    drill.stock_up(slow=10)
    names = [f"slow-{n}" for n in range(3)]
    with drill.throttled("UpdateOrder", "ReserveInventory", "SendEmail"):
        with drill.throttled("StartWorkflow"):
            drill.publish(*(order(name, slow=2) for name in names))
        drill.wait_for_retry(names[0], "UpdateOrder")
    for name in names:
        assert drill.ended(name)["status"] == "SUCCEEDED"
    assert drill.deployed.stock("slow") == 4
    drill.settle()


def test_sixty_buyers_of_ten_pieces_of_two_items_and_exactly_ten_get_them(drill: Drill) -> None:
    """Both items in every order, named in either order: neither a deadlock nor half an order."""
    drill.stock_up(left_shoe=10, right_shoe=10)
    pairs = [{"left_shoe": 1, "right_shoe": 1}, {"right_shoe": 1, "left_shoe": 1}]
    buyers = [f"buyer-{n}" for n in range(60)]
    drill.publish(*(order(buyer, **pairs[n % 2]) for n, buyer in enumerate(buyers)))

    for buyer in buyers:
        assert drill.ended(buyer)["status"] == "SUCCEEDED"
    statuses = [drill.row(buyer)["status"] for buyer in buyers]
    assert (statuses.count("CONFIRMED"), statuses.count("REJECTED")) == (10, 50)
    assert (drill.deployed.stock("left_shoe"), drill.deployed.stock("right_shoe")) == (0, 0)
    assert sum(len(drill.deployed.mails_to(f"{buyer}@customer.example")) for buyer in buyers) == 10
    drill.settle()


def test_five_equal_messages_at_once_are_one_order_and_one_mail(drill: Drill) -> None:
    drill.stock_up(once=10)
    drill.publish(*[order("five-times", once=2)] * 5)

    assert drill.ended("five-times")["status"] == "SUCCEEDED"
    drill.settle()
    assert drill.deployed.stock("once") == 8
    assert drill.deployed.execution("five-times--2")["status"] is None
    assert len(drill.deployed.mails_to("five-times@customer.example")) == 1
