"""Orders on the move: all that start or end are seen, each end once, and one order's end is known for what it is."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ops.orders import Attempt
from ops.stack import Stack
from ops.watch import MOST_SHOWN, Changes, Follower, Look, Progress, Watcher, sighting
from tests.ops.moto_stack import moto_stack, put
from tests.ops.states import START, States
from tests.ops.test_next_step import order


@pytest.fixture
def states() -> States:
    return States()


@pytest.fixture
def stack(states: States) -> Iterator[Stack]:
    with moto_stack(tables=True, queues=True, states=states) as stack:
        yield stack


def run(states: States, name: str, status: str, *, ago: float = 0, took: float = 1) -> None:
    began = (datetime.now(UTC) - timedelta(seconds=ago) - START).total_seconds()
    states.put(name, status, f'{{"order_id": "{name}", "attempt": 1}}', began=began, took=took)


def names(look: Look) -> tuple[list[str], list[str]]:
    return [one.order_id for one in look.moving], [one.order_id for one in look.ended]


def test_what_runs_is_seen_with_its_state_and_its_row_and_what_ends_is_seen_once(stack: Stack, states: States) -> None:
    run(states, "old", "RUNNING", ago=5000)
    run(states, "yesterday's", "SUCCEEDED", ago=10)
    states.tell("old", "UpdateOrder")
    states.tell("old", "ReserveInventory", "TransientError", ends=False)
    put(stack, "OrdersTableName", order_id={"S": "old"}, status={"S": "PROCESSING"})
    watcher = Watcher(stack)

    first = watcher.look()
    assert names(first) == (["old"], [])
    (old,) = first.moving
    assert (old.state, old.tries, old.error, old.status) == ("ReserveInventory", 1, "TransientError", "PROCESSING")

    run(states, "new", "RUNNING", ago=-1)
    run(states, "quick", "SUCCEEDED", ago=-1, took=0.5)
    assert names(watcher.look()) == (["new", "old"], ["quick"])
    run(states, "old", "FAILED", ago=5000)
    run(states, "new", "SUCCEEDED", ago=-1)
    assert names(watcher.look()) == ([], ["new", "old"])
    assert names(watcher.look()) == ([], [])


def test_an_end_between_the_two_lists_of_a_look_is_told_once(
    stack: Stack, states: States, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = states.page_through

    def ending(operation: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        yield from pages(operation, **parameters)
        if "statusFilter" in parameters:
            run(states, "12345", "SUCCEEDED", ago=-1)

    watcher = Watcher(stack)
    watcher.look()
    run(states, "12345", "RUNNING", ago=-1)
    monkeypatch.setattr(states, "page_through", ending)
    assert [names(watcher.look()) for _ in range(3)] == [(["12345"], []), ([], ["12345"]), ([], [])]


def test_an_execution_that_is_redriven_moves_again_and_its_second_end_is_seen_too(stack: Stack, states: States) -> None:
    watcher = Watcher(stack)
    for status, expected in (("FAILED", ([], ["again"])), ("RUNNING", (["again"], [])), ("SUCCEEDED", ([], ["again"]))):
        run(states, "again", status, ago=-1)
        assert names(watcher.look()) == expected


def test_only_the_newest_are_shown_and_the_others_are_counted(stack: Stack, states: States) -> None:
    for number in range(MOST_SHOWN + 5):
        run(states, f"order-{number}", "RUNNING", ago=number)
    look = Watcher(stack).look()
    assert [one.order_id for one in look.moving] == [f"order-{number}" for number in range(MOST_SHOWN)]
    assert look.not_shown == 5


def test_waiting_messages_and_dead_letters_are_counted(stack: Stack) -> None:
    for output in ("OrderQueueUrl", "OrderDlqUrl", "ReleaseDlqUrl"):
        stack.client("sqs").send_message(QueueUrl=stack[output], MessageBody="{}")
    look = Watcher(stack).look()
    assert (look.waiting, look.dead) == (1, 2)


def test_one_order_is_followed_from_before_it_is_there_to_its_next_attempt(stack: Stack, states: States) -> None:
    follower = Follower(stack, "12345")
    seen = follower.look()
    assert (seen.row, seen.latest, seen.has_ended(datetime.now(UTC))) == (None, None, False)
    for attempt, name in ((1, "12345"), (2, "12345--2")):
        run(states, name, "FAILED")
        put(stack, "OrdersTableName", order_id={"S": "12345"}, status={"S": "FAILED"}, attempt={"N": str(attempt)})
        seen = follower.look()
        assert seen.latest is not None
        assert (seen.latest.number, seen.has_ended(datetime.now(UTC))) == (attempt, True)


def test_an_order_whose_first_executions_are_forgotten_is_followed_by_what_its_row_knows(
    stack: Stack, states: States
) -> None:
    run(states, "12345--3", "RUNNING")
    put(stack, "OrdersTableName", order_id={"S": "12345"}, status={"S": "PROCESSING"}, attempt={"N": "3"})
    seen = Follower(stack, "12345").look()
    assert seen.latest is not None
    assert seen.latest.number == 3


def attempt(status: str) -> Attempt:
    return Attempt(1, "12345", status, START, None if status == "RUNNING" else START, '{"order_id": "12345"}')


@pytest.mark.parametrize(
    ("status", "mail", "execution", "ended", "done"),
    [
        ("CONFIRMED", "SENT", "SUCCEEDED", True, True),
        ("CONFIRMED", "DELIVERED", "SUCCEEDED", True, True),
        ("CONFIRMED", "SENT", "RUNNING", False, False),
        ("CONFIRMED", "REJECTED", "FAILED", True, False),
        ("CONFIRMED", "BOUNCED", "SUCCEEDED", True, False),
        ("REJECTED", None, "SUCCEEDED", True, False),
        ("FAILED", None, "RUNNING", False, False),  # the row of the attempt before
        ("PROCESSING", None, "ABORTED", False, False),  # what it holds is being given back
        ("CANCELLED", None, None, True, False),
        ("CONFIRMED", "SENT", None, True, True),
        ("PROCESSING", None, None, False, False),
    ],
)
def test_an_order_has_ended_when_its_execution_and_its_row_have(
    status: str, mail: str | None, execution: str | None, ended: bool, done: bool
) -> None:
    seen = Progress("12345", order(status, mail), attempt(execution) if execution else None)
    assert (seen.has_ended(START), seen.sighting.is_done) == (ended, done)


def test_a_row_that_nobody_writes_any_more_is_not_waited_for_without_end() -> None:
    seen = Progress("12345", order("PROCESSING"), attempt("ABORTED"))
    assert [seen.has_ended(START + timedelta(seconds=seconds)) for seconds in (14, 16)] == [False, True]


def test_a_change_is_told_once() -> None:
    changes, first = Changes(), sighting(attempt("RUNNING"), order("PROCESSING"))
    tried = replace(first, tries=2, error="TransientError")
    told = [list(changes.of([one])) for one in (first, first, tried, tried)]
    assert told == [[first], [], [tried], []]
    changes.forget([tried])
    assert list(changes.of([tried])) == [tried]
