"""Schedules worth a name, written out: what is late, comes twice, or meets itself."""

import json
from collections.abc import Iterator

import pytest

from functions.shared.execution_name import execution_name
from tests.functions.cloud import INVENTORY, ORDERS
from tests.schedules.cloud import Account, Cloud, Fate
from tests.schedules.ledger import Ledger, available, email
from tests.schedules.promises import assert_finished, assert_settled
from tests.schedules.rules import message
from tests.schedules.world import World

BODY = message("A", {"book": 2}, 0)


@pytest.fixture
def world(account: Account) -> Iterator[World]:
    """Five books, and one order in the queue."""
    account.cloud = Cloud(most_retries=0, ledger=Ledger(operator=True))
    account.cloud.restock("book", 5)
    world = World(account.cloud)
    world.publish(BODY)
    yield world
    world.close()


def accept(world: World) -> None:
    work = world.receive(1)
    while work and not work.invocation.ended:
        world.step(work)


def go(world: World, name: str, *fates: Fate) -> None:
    """One state's function, to its end."""
    each, work = iter(fates), world.begin(name)
    while work and not work.invocation.ended:
        world.step(work, next(each, Fate.DONE))


def books(world: World) -> int:
    return available(world.cloud.dynamodb.rows[INVENTORY]["book"])


def test_a_reservation_that_lands_after_its_compensation_takes_no_stock(world: World) -> None:
    accept(world)
    go(world, "A")
    go(world, "A", Fate.DELAYED_DIES)
    assert world.cloud.executions["A"].state == "ReleaseInventory"
    go(world, "A")
    world.cloud.land(0)
    assert (world.status("A"), books(world)) == ("FAILED", 5)
    world.settle()
    assert_settled(world)


def test_an_opening_that_lands_after_its_execution_was_given_up_does_not_reopen_the_order(world: World) -> None:
    accept(world)
    world.begin("A")
    world.stop("A", "ABORTED")
    world.deliver(0)
    world.settle()
    assert world.status("A") == "FAILED"
    assert_settled(world)


def test_an_event_of_the_first_attempt_that_comes_during_the_second_gives_nothing_back(world: World) -> None:
    accept(world)
    go(world, "A")
    world.stop("A", "TIMED_OUT")
    world.publish(BODY)
    accept(world)
    second = execution_name("A", 2)
    go(world, second)
    go(world, second)
    event = next(number for number, event in enumerate(world.events) if event.execution == "A")
    world.deliver(event)
    world.settle()
    assert (world.status("A"), books(world), len(world.cloud.mails)) == ("CONFIRMED", 3, 1)
    assert_settled(world)
    assert_finished(world)


def test_two_deliveries_of_one_message_at_the_same_moment_start_one_execution(world: World) -> None:
    world.publish(BODY)
    first, second = world.receive(1), world.receive(1)
    assert first
    assert second
    world.step(first)
    world.step(second)
    world.settle()
    assert list(world.cloud.executions) == ["A"]
    assert (world.status("A"), books(world), len(world.cloud.mails)) == ("CONFIRMED", 3, 1)
    assert_settled(world)


def test_a_start_that_lands_after_another_order_has_taken_the_id_starts_nothing(world: World) -> None:
    other = message("A", {"book": 1}, 1)
    work = world.receive(1)
    assert work
    world.step(work, Fate.DELAYED_DIES)
    world.queue.clear()  # its message comes back later than all that follows
    world.publish(other)
    accept(world)
    world.cloud.land(0)
    assert json.loads(world.cloud.executions["A"].input)["items"] == [{"item_id": "book", "quantity": 1}]


def test_a_mail_whose_answer_was_lost_is_not_sent_again_by_publishing_again(world: World) -> None:
    accept(world)
    for fates in ((), (), (Fate.DONE, Fate.LOST)):
        go(world, "A", *fates)
    for _ in range(2):
        world.publish(BODY)
        world.settle()
    assert email(world.cloud.dynamodb.rows[ORDERS]["A"]) == "UNKNOWN"
    assert len(world.cloud.mails) == 1
    assert_settled(world)


def test_an_event_settles_a_mail_whose_answer_was_lost_and_the_order_is_done(world: World) -> None:
    accept(world)
    for fates in ((), (), (Fate.DONE, Fate.LOST)):
        go(world, "A", *fates)
    (mail,) = world.cloud.mails
    for kind in ("Email Delivered", "Email Sent", "Email Delivered"):
        world.tell(mail, kind)
    world.settle()
    world.publish(BODY)
    world.settle()
    assert email(world.cloud.dynamodb.rows[ORDERS]["A"]) == "DELIVERED"
    assert world.cloud.executions[execution_name("A", 2)].status == "SUCCEEDED"
    assert len(world.cloud.mails) == 1
    assert_settled(world)
    assert_finished(world)


def test_an_event_of_a_mail_that_ses_kept_says_nothing_of_the_next(world: World) -> None:
    accept(world)
    world.settle()
    (first,) = world.cloud.mails
    world.tell(first, "Email Rejected")
    world.settle()
    assert email(world.cloud.dynamodb.rows[ORDERS]["A"]) == "REJECTED"
    world.resend("A")
    world.settle()
    world.tell(first, "Email Rejected")
    world.settle()
    row = world.cloud.dynamodb.rows[ORDERS]["A"]
    assert (email(row), row["email_message_id"]) == ("SENT", {"S": "mail-2"})
    assert_settled(world)
    assert_finished(world)


def test_a_mail_sent_again_by_hand_whose_sender_dies_is_settled_by_hand(world: World) -> None:
    """Its execution has succeeded, so that publishing again is a duplicate and settles nothing."""
    accept(world)
    world.settle()
    (first,) = world.cloud.mails
    world.tell(first, "Email Rejected")
    world.settle()
    work = world.resend("A")
    assert work
    for fate in (Fate.DONE, Fate.DONE_DIES):  # read, claimed
        world.step(work, fate)
    world.publish(BODY)
    world.settle()
    assert email(world.cloud.dynamodb.rows[ORDERS]["A"]) == "SENDING"
    assert_settled(world)
    world.resend("A", asked=True)
    world.settle()
    assert email(world.cloud.dynamodb.rows[ORDERS]["A"]) == "SENT"
    assert_finished(world)


@pytest.mark.parametrize("fate", [Fate.THROTTLED, Fate.DENIED, Fate.DIES, Fate.FAULT], ids=lambda fate: fate.name)
@pytest.mark.parametrize("calls", [1, 2], ids=["at its claim", "at SES"])
def test_another_mail_that_fails_takes_nothing_from_the_first(world: World, calls: int, fate: Fate) -> None:
    """The customer was told: the order is not cancelled any more, and nothing but a person sends a further mail."""
    accept(world)
    world.settle()
    (first,) = world.cloud.mails
    world.tell(first, "Email Delivered")
    world.settle()
    work = world.resend("A", another=True)
    assert work
    for each in [*[Fate.DONE] * calls, *[fate] * 3]:
        if not work.invocation.ended:
            world.step(work, each)
    world.settle()
    world.cancel("A")
    world.publish(BODY)
    world.settle()
    assert (world.status("A"), books(world), len(world.cloud.mails)) == ("CONFIRMED", 3, 1)


def test_a_claim_that_lands_after_ses_has_rejected_the_mail_opens_nothing(world: World) -> None:
    """Its execution has succeeded, so that nobody would see the mail that it leaves half sent."""
    accept(world)
    for fates in ((), (), (Fate.DELAYED_DIES,)):
        go(world, "A", *fates)
    world.publish(BODY)
    accept(world)
    for _ in range(2):
        go(world, execution_name("A", 2))
    world.tell(world.cloud.mails[0], "Email Rejected")
    world.lands_last = True
    world.settle()
    row = world.cloud.dynamodb.rows[ORDERS]["A"]
    assert (email(row), row["email_message_id"]) == ("REJECTED", {"S": "mail-1"})
    assert_settled(world)


def test_an_order_whose_release_is_a_dead_letter_is_named_by_it_alone_and_started_again(world: World) -> None:
    """DynamoDB is away from before the order is opened until its release is given up."""
    accept(world)
    world.cloud.down = {"dynamodb"}
    world.settle()
    assert world.status("A") is None
    assert [letter.execution for letter in world.unreleased] == ["A"]
    assert_settled(world)
    world.publish(BODY)
    world.settle()
    world.unreleased.clear()
    assert (world.status("A"), books(world), len(world.cloud.mails)) == ("CONFIRMED", 3, 1)
    assert_settled(world)
    assert_finished(world)


def test_a_redriven_first_attempt_leaves_the_second_attempts_order_alone(world: World) -> None:
    accept(world)
    world.stop("A", "ABORTED")
    world.settle()
    world.publish(BODY)
    world.settle()
    world.redrive("A")
    world.settle()
    assert (world.status("A"), books(world), len(world.cloud.mails)) == ("CONFIRMED", 3, 1)
    assert_settled(world)
