"""Whatever happens at any call: nothing lost, nothing twice, nothing unseen, and it converges."""

import os
from pathlib import Path as File

import pytest

from functions.shared.message import parse_order
from tests.faults.invariants import (
    ASK_THE_CUSTOMER,
    PUBLISH_AGAIN,
    RESEND,
    DeadLetter,
    Execution,
    World,
    check_invariants,
    open_acts,
)
from tests.faults.matrix import Matrix, Schedule, label
from tests.faults.report import PAGE, committed, with_table
from tests.faults.schedules import NO_ORDER, ORDER, OTHER_CONTENT, PATHS
from tests.faults.wire import Kind

EVERY = os.environ.get("FAULTS") == "full"  # `make faults`; else what fits into `make test`


def assert_all_hold(matrix: Matrix, schedules: list[Schedule]) -> None:
    problems = [problem for schedule in schedules if (problem := matrix.problems(schedule))]
    assert not problems, "\n\n".join([f"{len(problems)} of {len(schedules)} schedules", *problems])


@pytest.mark.parametrize("path", PATHS)
def test_a_fault_at_any_call_loses_nothing_and_does_nothing_twice(matrix: Matrix, path: str) -> None:
    """Each invariant at each rest, a trace of every fault, and the same end after at most one act of a person."""
    assert_all_hold(matrix, [*matrix.singles(path, every=EVERY)])


def test_faults_at_two_writes_lose_nothing_and_do_nothing_twice(matrix: Matrix) -> None:
    assert_all_hold(matrix, [*matrix.pairs(every=EVERY)])


def test_every_kind_of_fault_meets_every_call(matrix: Matrix) -> None:
    """Less is tried only where an earlier path has made the same call in the same way."""
    met = {
        (label(call), kind)
        for path in PATHS
        for schedule in matrix.singles(path, every=False)
        for call, kind in schedule.faults
    }
    assert met == {(label(call), kind) for path in PATHS for call in matrix.base(path).calls for kind in Kind}


def test_the_page_on_reliability_shows_what_the_faults_have_led_to(matrix: Matrix) -> None:
    """`python -m tests.faults.report` writes the table anew."""
    page = File(PAGE).read_text("utf-8")
    assert committed(page) == matrix.table(), "run: python -m tests.faults.report"
    assert with_table(page, matrix.table()) == page


# ------------------------------------------------------------------------------------- what the check would notice


ROW = {
    "order_id": "12345",
    "status": "CONFIRMED",
    "attempt": 1,
    "customer_email": "customer@example.com",
    "items": [{"item_id": "item001", "quantity": 2}, {"item_id": "item002", "quantity": 1}],
    "email_status": "SENT",
}


NO_ROW: dict[str, object] = {
    "available": {"item001": 5, "item002": 5},
    "orders": {},
    "mailed": [],
    "executions": [Execution("12345", "FAILED", parse_order(ORDER).to_input(1))],
    "unreleased": ["12345"],
}


def world(**changes: object) -> World:
    """One order that went well, with something changed."""
    facts: dict[str, object] = {
        "initial": {"item001": 5, "item002": 5},
        "available": {"item001": 3, "item002": 4},
        "orders": {"12345": ROW},
        "mailed": ["12345"],
        "executions": [Execution("12345", "SUCCEEDED", '{"order_id": "12345", "attempt": 1}')],
        "published": [ORDER],
    }
    return World(**(facts | changes))  # type: ignore[arg-type]  # a test's own facts, by name


def test_an_order_that_went_well_breaks_nothing() -> None:
    check_invariants(world())


def test_an_order_that_is_named_by_the_dead_letter_of_its_release_alone_is_not_lost_but_left_to_a_person() -> None:
    left = world(**NO_ROW)
    check_invariants(left)
    assert open_acts(left) == {"12345": PUBLISH_AGAIN}


@pytest.mark.parametrize(
    ("mail", "act"),
    [
        ({"email_status": "PENDING"}, PUBLISH_AGAIN),
        ({"email_status": "REJECTED"}, PUBLISH_AGAIN),
        ({"email_status": "REJECTED", "email_message_id": "1"}, RESEND),
        ({"email_status": "UNKNOWN"}, ASK_THE_CUSTOMER),
    ],
)
def test_what_is_left_to_a_person_goes_by_what_the_row_says_of_the_mail(mail: dict[str, str], act: str) -> None:
    assert open_acts(world(orders={"12345": ROW | mail})) == {"12345": act}


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"available": {"item001": 1, "item002": 4}}, "1 left and 2 held"),
        ({"initial": {"item001": 1, "item002": 5}, "available": {"item001": -1, "item002": 4}}, "item001: -1 left"),
        ({"orders": {"12345": ROW | {"status": "PROCESSING"}}}, "left PROCESSING"),
        ({"seen": {"12345": [(1, "CONFIRMED"), (1, "PROCESSING")]}}, "a status went back"),
        ({"seen": {"12345": [(1, "REJECTED"), (1, "FAILED")]}}, "a status went back"),
        ({"mailed": ["12345", "12345"]}, "2 mails"),
        ({"orders": {"12345": ROW | {"status": "FAILED"}}}, "a mail, but FAILED"),
        ({"mailed": []}, "SENT, but no mail"),
        ({"orders": {"12345": ROW | {"email_status": "REJECTED"}}, "mailed": []}, "no failed execution shows it"),
        ({"orders": {"12345": ROW | {"email_status": "SENDING"}}}, "no failed execution shows it"),
        (
            {"orders": {"12345": ROW | {"email_status": "SENDING"}}, "mailed": [], "rejected": ["12345"]},
            "no failed execution shows it",
        ),
        ({"orders": {"12345": ROW | {"email_status": "DELIVERED"}}, "mailed": []}, "DELIVERED, but no mail"),
        ({"mail_seen": {"12345": [("one", "DELIVERED"), ("one", "SENT")]}}, "its mail went back"),
        ({"mail_seen": {"12345": [("one", "BOUNCED"), ("one", "REJECTED")]}}, "its mail went back"),
        ({"untold": ["{}"]}, "nobody read"),
        ({"published": [ORDER, NO_ORDER]}, "lost"),
        (NO_ROW | {"unreleased": []}, "lost"),
        (NO_ROW | {"unreleased": []}, "an execution, but no row"),
        (NO_ROW | {"published": [ORDER, OTHER_CONTENT]}, "lost"),
        ({"published": []}, "nobody published"),
        ({"dead_letters": [DeadLetter(ORDER, "InvalidOrder")]}, "both an order and a dead letter"),
        ({"dead_letters": [DeadLetter(ORDER)]}, "without a reason"),
        ({"dead_letters": [DeadLetter("{}", "InvalidOrder")]}, "nobody published"),
        ({"queued": [ORDER]}, "still in the queue"),
        (
            {"executions": [Execution("12345", "RUNNING", '{"order_id": "12345", "attempt": 1}')]},
            "still running",
        ),
        (
            {"executions": [Execution("12345--2", "SUCCEEDED", '{"order_id": "12345", "attempt": 2}')]},
            "attempts",
        ),
    ],
)
def test_the_check_notices(changes: dict[str, object], what: str) -> None:
    with pytest.raises(AssertionError, match=what):
        check_invariants(world(**changes))
