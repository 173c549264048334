"""Whatever happens at any call: nothing lost, nothing twice, nothing unseen, and it converges."""

import os
from collections.abc import Iterable, Iterator

import pytest

from tests.functions.builders import message
from tests.functions.cloud import INVENTORY, ORDERS
from tests.schedules.cloud import Account, connected
from tests.schedules.ledger import available, status
from tests.schedules.matrix import Matrix, Schedule
from tests.schedules.paths import CRASHES, ORDER, OTHER_CONTENT, PATHS, TOO_MUCH, Course, Kind, Path
from tests.schedules.report import PAGE, committed

# The worst of both worlds: the effect is there and nobody knows, and the effect comes when nobody waits for it.
DANGEROUS = (Kind.KILLED, Kind.LATE_RELEASE)
IN_PAIRS = tuple(Kind) if os.environ.get("FAULTS") == "full" else DANGEROUS  # `make faults` has all of them


@pytest.fixture(scope="module")
def matrix() -> Iterator[Matrix]:
    with connected() as account:
        yield Matrix(account)


def assert_all_hold(matrix: Matrix, schedules: Iterable[Schedule]) -> None:
    number, problems = 0, []
    for schedule in schedules:
        number += 1
        if problem := matrix.problems(schedule):
            problems.append(problem)
    assert not problems, "\n\n".join([f"{len(problems)} of {number} schedules", *problems[:20]])


@pytest.mark.parametrize("path", PATHS)
def test_a_fault_at_any_call_loses_nothing_and_does_nothing_twice(matrix: Matrix, path: str) -> None:
    """Each promise at each rest, a trace of every fault, and the same end after at most one act of a person."""
    assert_all_hold(matrix, matrix.singles(path))


@pytest.mark.parametrize("path", PATHS)
def test_faults_at_two_calls_lose_nothing_and_do_nothing_twice(matrix: Matrix, path: str) -> None:
    assert_all_hold(matrix, matrix.pairs(path, IN_PAIRS))


def test_the_page_on_reliability_shows_what_the_faults_have_led_to(matrix: Matrix) -> None:
    """`python -m tests.schedules.report` writes the table anew."""
    assert committed(PAGE.read_text("utf-8"), "faults") == matrix.table(), "run: python -m tests.schedules.report"


# --------------------------------------------- 90 days on, the names of executions are free again: docs/reliability.md


@pytest.mark.parametrize("body", [ORDER, TOO_MUCH], ids=["confirmed", "rejected"])
def test_an_order_published_again_after_90_days_is_still_one_order(account: Account, body: str) -> None:
    course = Course(account, Path(), {})
    course.publish(body)
    before = course.look(), stock(course)
    course.cloud.executions.clear()
    course.publish(body)
    assert (course.look(), stock(course)) == before
    assert executions(course) == ["SUCCEEDED"]


def test_a_failed_order_published_after_90_days_is_processed_once_its_attempts_are_counted_up(
    account: Account,
) -> None:
    """Its row remembers the attempts that Step Functions has forgotten: each publishing counts one of them up."""
    course = Course(account, Path(steps={"ReserveInventory": CRASHES}), {})
    course.publish(ORDER)
    course.fix()
    course.cloud.executions.clear()
    course.publish(ORDER)
    assert (order_status(course), executions(course)) == ("FAILED", ["FAILED"])
    course.publish(ORDER)
    assert (order_status(course), course.look().mails) == ("CONFIRMED", {"12345": 1})


def test_other_content_under_an_old_order_id_changes_nothing_after_90_days(account: Account) -> None:
    """It is told from a duplicate only while Step Functions knows the execution; then the row speaks for the order."""
    course = Course(account, Path(), {})
    course.publish(ORDER)
    before = course.look()
    rows = dict(course.cloud.dynamodb.rows[ORDERS])
    course.cloud.executions.clear()
    course.publish(OTHER_CONTENT, message(customer_email="other@example.com"))
    assert (course.cloud.dynamodb.rows[ORDERS], course.cloud.ledger.mails) == (rows, before.mails)


def stock(course: Course) -> dict[str, int]:
    return {item: available(row) for item, row in course.cloud.dynamodb.rows[INVENTORY].items()}


def executions(course: Course) -> list[str]:
    return [execution.status for execution in course.cloud.executions.values()]


def order_status(course: Course) -> str | None:
    return status(course.cloud.dynamodb.rows[ORDERS]["12345"])
