"""Whatever an execution ends with and whatever its order's row says then: one right end for each."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pytest

from functions.shared.row import MAIL_LEFT, MAIL_NOT_LEFT
from tests.schedules.cloud import Account
from tests.schedules.ends import (
    ENDS,
    ERRORS,
    NO_ROW,
    ROWS,
    SAME,
    Case,
    End,
    Found,
    State,
    possible,
)
from tests.schedules.interpreter import DEFINITION, FAILED, SUCCEEDED
from tests.schedules.report import PAGE, committed, tables

CELLS = [(end, found) for end, found in product(ENDS, ROWS) if possible(end, found)]
each_cell = pytest.mark.parametrize(("end", "found"), CELLS, ids=str)


def cases(account: Account, end: End, found: Found) -> Iterator[Case]:
    """The cell, by everything that may fail the execution there."""
    for error in ERRORS.get(end.state, (None,)) if end.status == FAILED else (None,):
        yield Case(account, end, found, error)


def after_the_release(end: End, found: Found) -> str:
    """The rule: what the order's status must be once the release is through."""
    if end.status == SUCCEEDED:
        return found.status
    if found.status == NO_ROW or (found.status == "PROCESSING" and found.age <= 0):
        return "FAILED"
    if end.stopped and found == Found("CONFIRMED"):
        return "FAILED"
    return found.status


def at_last(order: State) -> State:
    """What an order must come to once it is published again."""
    if order.status in ("REJECTED", "CANCELLED"):
        return order
    if order.status == "CONFIRMED" and order.mail not in MAIL_NOT_LEFT:
        return replace(order, mail=order.mail if order.mail in MAIL_LEFT else "UNKNOWN")
    return State("CONFIRMED", "SENT", order.mails + 1, held=True)


@each_cell
def test_an_end_leaves_the_order_as_it_must(account: Account, end: End, found: Found) -> None:
    """A mail that cannot be sent never cancels an order; only who stops an execution before its mail does."""
    status = after_the_release(end, found)
    for case in cases(account, end, found):
        assert case.release() == State(status, found.mail, 0, held=status == "CONFIRMED")


@each_cell
def test_an_order_published_again_comes_to_its_end(account: Account, end: End, found: Found) -> None:
    """One mail, stock taken once; none of what is confirmed is lost, and what was closed is processed anew."""
    for case in cases(account, end, found):
        released = case.release()
        settled = case.settle()
        # After a success it is a duplicate: only a mail that SES took and then rejected is missing, and sent by hand.
        assert case.publish_again() == (settled if end.status == SUCCEEDED else at_last(released))


@pytest.mark.parametrize(("end", "found"), [cell for cell in CELLS if cell[0].status != SUCCEEDED], ids=str)
def test_a_redriven_execution_does_no_harm(account: Account, end: End, found: Found) -> None:
    """It resumes the mail of what is CONFIRMED, except at ReleaseInventory, which gives back what has no mail."""
    gives_back = end.state == "ReleaseInventory" and found == Found("CONFIRMED")
    for case in cases(account, end, found):
        released = case.release()
        case.settle()
        redriven = case.redrive()
        if released.status == "FAILED" or gives_back:
            assert redriven in (State("FAILED", None, 0, held=False), at_last(released))
        else:
            assert redriven == at_last(released)
        assert case.publish_again() == at_last(redriven)


def test_every_state_of_the_machine_is_among_the_ends() -> None:
    assert {end.state for end in ENDS} == set(SAME) == set(DEFINITION["States"])


def test_the_page_on_reliability_shows_the_end_of_each_cell(account: Account) -> None:
    """`python -m tests.schedules.report` writes the table anew."""
    assert committed(PAGE.read_text("utf-8"), "ends") == tables(account), "run: python -m tests.schedules.report"
