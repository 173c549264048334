"""Every interleaving of reservations and releases, call by call: the stock adds up, and there is one outcome."""

from collections import Counter
from collections.abc import Callable

import pytest

from functions.shared.order import Line
from tests.functions.cloud import ORDERS
from tests.schedules.cloud import Account, Cloud, Fate
from tests.schedules.interleavings import Interleaving, Part, every_interleaving
from tests.schedules.ledger import attempt

LINES = (Line("book", 2), Line("pen", 1))
RESERVE, RELEASE, ABANDONED, UPDATE, MAIL = map(Part, ("reserve", "release", "abandoned", "update", "mail"))
CANCEL = Part("cancel")
ORDERS_OF_THREE = ("a", "b", "c")
FAULTS: dict[str, tuple[Fate, ...]] = {
    "none": (),
    "answer lost": (Fate.LOST, Fate.DONE_DIES),
    "lands late, tried again": (Fate.DELAYED,),
    "lands late": (Fate.DELAYED_DIES,),
}
RELEASES = ("release", "abandoned")


def in_stock(cloud: Cloud) -> None:
    cloud.restock("book", 5)
    cloud.restock("pen", 5)


def opened(cloud: Cloud) -> None:
    """Stock for the order, which is open for attempt 1."""
    in_stock(cloud)
    put_order(cloud, "12345")


def put_order(cloud: Cloud, order_id: str) -> None:
    lines = [{"M": {"item_id": {"S": line.item_id}, "quantity": {"N": str(line.quantity)}}} for line in LINES]
    cloud.dynamodb.put(
        ORDERS,
        {
            "order_id": {"S": order_id},
            "status": {"S": "PROCESSING"},
            "attempt": {"N": "1"},
            "customer_email": {"S": "customer@example.com"},
            "items": {"L": lines},
            "created_at": {"S": "2026-01-01T00:00:00.000+00:00"},
        },
    )


def assert_one_outcome(run: Interleaving) -> None:
    """CONFIRMED once at most and FAILED once at most; a release that was acknowledged is the last word."""
    outcome = run.status()
    assert run.entered("CONFIRMED") <= 1, run.trace
    assert run.entered("FAILED") <= 1, run.trace
    if run.ended_well(*RELEASES):
        assert outcome == "FAILED", run.trace
    elif run.ended_well("reserve"):
        assert outcome in ("CONFIRMED", "FAILED"), run.trace
    if outcome == "CONFIRMED":
        assert run.entered("FAILED") == 0, run.trace


# How many there are belongs to the test: a step that makes one call more or less shows here. By the fault that one of
# the calls may have, and then by how many reservations and releases. Equal invocations are interchangeable: these are
# the ways up to their renaming.
COUNTS = {
    "none": {(1, 0): 1, (1, 1): 2, (1, 2): 5, (2, 0): 1, (2, 1): 4, (2, 2): 17, (3, 0): 1, (3, 1): 7, (3, 2): 44},
    "answer lost": {
        (1, 0): 3,
        (1, 1): 15,
        (1, 2): 66,
        (2, 0): 6,
        (2, 1): 50,
        (2, 2): 345,
        (3, 0): 10,
        (3, 1): 128,
        (3, 2): 1226,
    },
    "lands late, tried again": {
        (1, 0): 3,
        (1, 1): 24,
        (1, 2): 168,
        (2, 0): 9,
        (2, 1): 117,
        (2, 2): 1169,
        (3, 0): 21,
        (3, 1): 392,
        (3, 2): 5101,
    },
    "lands late": {
        (1, 0): 2,
        (1, 1): 9,
        (1, 2): 38,
        (2, 0): 4,
        (2, 1): 31,
        (2, 2): 210,
        (3, 0): 7,
        (3, 1): 84,
        (3, 2): 797,
    },
}
# The largest of them take longer than all the others: `make soak` goes through them.
LARGEST = [("lands late, tried again", reserves, 2) for reserves in (2, 3)]
ALL = [(fault, *numbers) for fault, counts in COUNTS.items() for numbers in counts]
QUICK = [search for search in ALL if search not in LARGEST]


def explore(account: Account, fault: str, reserves: int, releases: int) -> int:
    """Go through all there are, and say how many."""
    parts = [RESERVE] * reserves + [RELEASE] * releases
    number = 0
    for run in every_interleaving(account, opened, parts, LINES, fates=FAULTS[fault], faults=1):
        assert_one_outcome(run)
        number += 1
    assert number == COUNTS[fault][reserves, releases]
    return number


@pytest.mark.parametrize(("fault", "reserves", "releases"), QUICK)
def test_reservations_and_releases_have_one_outcome_in_every_interleaving(
    account: Account, fault: str, reserves: int, releases: int
) -> None:
    explore(account, fault, reserves, releases)


@pytest.mark.parametrize(("fault", "number"), [("none", 28), ("lands late", 308)])
def test_an_order_that_is_still_being_opened_has_one_outcome_in_every_interleaving(
    account: Account, fault: str, number: int
) -> None:
    """UpdateOrder itself may be late, and what releases may be the execution's own step and EventBridge's call."""
    outcomes: Counter[str] = Counter()
    parts = [UPDATE, RESERVE, RELEASE, ABANDONED]
    for run in every_interleaving(account, in_stock, parts, LINES, fates=FAULTS[fault], faults=1):
        assert_one_outcome(run)
        outcomes[run.status()] += 1
    assert outcomes == {"FAILED": number}


@pytest.mark.parametrize(
    ("parts", "fault", "expected"),
    [
        ([RESERVE, RELEASE, MAIL, MAIL], "none", {("CONFIRMED", 1): 123, ("FAILED", 0): 9}),
        ([RESERVE, RELEASE, MAIL], "answer lost", {("CONFIRMED", 1): 180, ("FAILED", 0): 53, ("CONFIRMED", 0): 3}),
    ],
)
def test_an_order_whose_mail_was_tried_keeps_its_stock_in_every_interleaving(
    account: Account, parts: list[Part], fault: str, expected: dict[tuple[str, int], int]
) -> None:
    """By the order's status and how many mails it got."""
    outcomes: Counter[tuple[str, int]] = Counter()
    for run in every_interleaving(account, opened, parts, LINES, fates=FAULTS[fault], faults=1):
        row, mails = run.cloud.dynamodb.rows[ORDERS]["12345"], len(run.cloud.mails)
        assert mails <= 1, run.trace
        assert "email_status" not in row or run.status() == "CONFIRMED", run.trace
        assert mails == 0 or row["email_status"]["S"] in ("SENT", "UNKNOWN", "SENDING"), run.trace
        outcomes[run.status(), mails] += 1
    assert outcomes == expected


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("none", {("CONFIRMED", 2): 11, ("PROCESSING", 2): 11, ("FAILED", 1): 10}),
        (
            "lands late",
            {("CONFIRMED", 2): 125, ("PROCESSING", 2): 121, ("FAILED", 1): 100, ("CONFIRMED", 1): 25},
        ),
    ],
)
def test_a_step_of_an_earlier_attempt_changes_nothing_for_the_next_in_every_interleaving(
    account: Account, fault: str, expected: dict[tuple[str, int], int]
) -> None:
    """By the order's status and the attempt that wrote it. Which step came too early decides, and never both do."""
    outcomes: Counter[tuple[str, int]] = Counter()
    parts = [RESERVE, RELEASE, Part("update", 2), Part("reserve", 2)]
    for run in every_interleaving(account, opened, parts, LINES, fates=FAULTS[fault], faults=1):
        if run.ended_well_at(2, "reserve"):
            assert run.status() == "CONFIRMED", run.trace
        outcomes[run.status(), attempt(run.cloud.dynamodb.rows[ORDERS]["12345"])] += 1
    assert outcomes == expected


@pytest.mark.parametrize(("fault", "number"), [("none", 6), ("answer lost", 60), ("lands late", 42)])
def test_of_three_orders_for_the_stock_of_two_exactly_two_win_in_every_interleaving(
    account: Account, fault: str, number: int
) -> None:
    def lay_out(cloud: Cloud) -> None:
        cloud.restock("book", 5)
        cloud.restock("pen", 2)
        for order_id in ORDERS_OF_THREE:
            put_order(cloud, order_id)

    parts = [Part("reserve", 1, order_id) for order_id in ORDERS_OF_THREE]
    runs = 0
    for run in every_interleaving(account, lay_out, parts, LINES, fates=FAULTS[fault], faults=1):
        assert Counter(map(run.status, ORDERS_OF_THREE)) == {"CONFIRMED": 2, "PROCESSING": 1}, run.trace
        runs += 1
    assert runs == number


def cancellable(cloud: Cloud) -> None:
    opened(cloud)
    cloud.ledger.operator = True


def not_placed_yet(cloud: Cloud) -> None:
    in_stock(cloud)
    cloud.ledger.operator = True


def with_its_mail(status: str) -> Callable[[Cloud], None]:
    """Lay out an order that is CONFIRMED, whose mail was tried once and certainly did not leave."""

    def lay_out(cloud: Cloud) -> None:
        cancellable(cloud)
        cloud.restock("book", -2)
        cloud.restock("pen", -1)
        cloud.ledger.supply.update(book=2, pen=1)
        row = cloud.dynamodb.rows[ORDERS]["12345"]
        cloud.dynamodb.put(ORDERS, {**row, "status": {"S": "CONFIRMED"}, "email_status": {"S": status}})
        cloud.ledger.confirmed_once.add("12345")

    return lay_out


@pytest.mark.parametrize(
    ("lay_out", "parts", "fault", "expected"),
    [
        (cancellable, [RESERVE, RELEASE, MAIL, CANCEL], "none", {("CANCELLED", 0): 36, ("CONFIRMED", 1): 192}),
        (
            cancellable,
            [RESERVE, MAIL, CANCEL],
            "answer lost",
            {("CANCELLED", 0): 53, ("CONFIRMED", 1): 183, ("CONFIRMED", 0): 3},
        ),
        (cancellable, [RESERVE, RELEASE, CANCEL], "answer lost", {("CANCELLED", 0): 136, ("FAILED", 0): 4}),
        (
            cancellable,
            [RESERVE, MAIL, CANCEL],
            "lands late, tried again",
            {("CANCELLED", 0): 120, ("CONFIRMED", 1): 591, ("CONFIRMED", 0): 2},
        ),
        (
            cancellable,
            [RESERVE, MAIL, CANCEL],
            "lands late",
            {("CANCELLED", 0): 33, ("CONFIRMED", 1): 74, ("CONFIRMED", 0): 8},
        ),
        (cancellable, [RESERVE, MAIL, CANCEL, CANCEL], "none", {("CANCELLED", 0): 19, ("CONFIRMED", 1): 126}),
        (not_placed_yet, [UPDATE, RESERVE, MAIL, CANCEL], "none", {("CANCELLED", 0): 23, ("CONFIRMED", 1): 9}),
        (with_its_mail("PENDING"), [MAIL, MAIL, CANCEL], "none", {("CANCELLED", 0): 11, ("CONFIRMED", 1): 403}),
        (
            with_its_mail("REJECTED"),
            [MAIL, CANCEL],
            "answer lost",
            {("CANCELLED", 0): 29, ("CONFIRMED", 1): 215, ("CONFIRMED", 0): 3},
        ),
    ],
)
def test_a_cancelled_order_gets_no_mail_and_holds_nothing_in_every_interleaving(
    account: Account,
    lay_out: Callable[[Cloud], None],
    parts: list[Part],
    fault: str,
    expected: dict[tuple[str, int], int],
) -> None:
    """By the order's status and how many mails it got. The books are right after every single write."""
    outcomes: Counter[tuple[str, int]] = Counter()
    for run in every_interleaving(account, lay_out, parts, LINES, fates=FAULTS[fault], faults=1):
        mails = len(run.cloud.mails)
        assert mails == 0 or run.status() == "CONFIRMED", run.trace
        assert run.status() == "CANCELLED" or not run.ended_well("cancel"), run.trace
        assert run.entered("CANCELLED") <= 1, run.trace
        outcomes[run.status(), mails] += 1
    assert outcomes == expected
