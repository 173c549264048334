"""Orders on the move: all that start or end are seen, each end once, and one order's end is known for what it is."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import EndpointConnectionError

from functions.shared.errors import TransientError
from functions.shared.execution_name import execution_name
from ops.orders import watch
from ops.orders.execution import Attempt
from ops.orders.pace import Pace
from ops.orders.watch import MOST_SHOWN, Changes, Follower, Look, Progress, Watcher, make_sighting
from ops.stack import Stack
from tests.ops.moto_stack import put
from tests.ops.orders.test_next_step import order
from tests.ops.states import START, States


@dataclass
class Clock:
    now: float = 0

    def pass_time(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watcher(stack: Stack, clock: Clock) -> Watcher:
    return Watcher(stack, Pace(lambda: clock.now, clock.pass_time))


def run(states: States, name: str, status: str, *, ago: float = 0, took: float = 1, order_id: str = "") -> None:
    began = (datetime.now(UTC) - timedelta(seconds=ago) - START).total_seconds()
    states.put(name, status, f'{{"order_id": "{order_id or name}", "attempt": 1}}', began=began, took=took)


def names(look: Look) -> tuple[list[str], list[str]]:
    return [one.order_id for one in look.moving], [one.order_id for one in look.ended]


def test_what_runs_is_seen_with_its_state_and_its_row_and_what_ends_is_seen_once(
    stack: Stack, states: States, watcher: Watcher
) -> None:
    run(states, "old", "RUNNING", ago=5000)
    run(states, "yesterday's", "SUCCEEDED", ago=10)
    states.tell("old", "UpdateOrder")
    states.tell("old", "ReserveInventory", "TransientError", ends=False)
    put(stack, "OrdersTableName", order_id={"S": "old"}, status={"S": "PROCESSING"})

    first = watcher.look()
    assert names(first) == (["old"], [])
    (old,) = first.moving
    assert (old.state, old.tries, old.error, old.status) == ("ReserveInventory", 1, "TransientError", "PROCESSING")

    run(states, "new", "RUNNING", ago=-1)
    run(states, "quick", "SUCCEEDED", ago=-1, took=0.5)
    assert names(watcher.look()) == (["new", "old"], ["quick"])
    run(states, "old", "FAILED", ago=5000, took=5000)
    run(states, "new", "SUCCEEDED", ago=-1)
    third = watcher.look()
    assert names(third) == ([], ["old", "new"])
    assert [(one.state, one.error) for one in third.ended] == [("ReserveInventory", "TransientError"), (None, None)]
    assert names(watcher.look()) == ([], [])


@pytest.mark.parametrize("number", [60, 1200])
def test_all_that_started_and_ended_between_two_looks_are_named_with_their_rows(
    stack: Stack, states: States, watcher: Watcher, number: int
) -> None:
    states.page = 1000
    watcher.look()
    ids = [f"order-{one}" for one in range(number)]
    for order_id in ids:
        run(states, order_id, "SUCCEEDED")
    put(stack, "OrdersTableName", order_id={"S": ids[-1]}, status={"S": "CONFIRMED"}, email_status={"S": "SENT"})
    look = watcher.look()
    assert sorted(one.order_id for one in look.ended) == sorted(ids)
    assert {one.order_id: one.status for one in look.ended}[ids[-1]] == "CONFIRMED"
    assert names(watcher.look()) == ([], [])


def test_only_the_newest_are_looked_at_closely_and_the_others_named_when_they_start(
    states: States, watcher: Watcher
) -> None:
    ids = [f"order-{number}" for number in range(MOST_SHOWN + 5)]
    for number, order_id in enumerate(ids):
        run(states, order_id, "RUNNING", ago=number)
    look = watcher.look()
    assert [one.order_id for one in look.moving] == ids[:MOST_SHOWN]
    assert [one.order_id for one in look.started] == ids[MOST_SHOWN:]
    assert look.running == len(ids)
    again = watcher.look()
    assert (len(again.moving), again.started) == (MOST_SHOWN, ())


def test_an_order_whose_name_holds_a_hash_is_asked_for_once(states: States, watcher: Watcher) -> None:
    run(states, execution_name("#1002", 2), "RUNNING", order_id="#1002")
    run(states, "by-hand", "RUNNING", order_id="another")
    for _ in range(3):
        assert sorted(names(watcher.look())[0]) == ["#1002", "another"]
    assert states.calls["describe_execution"] == 2


@pytest.mark.parametrize(("running", "lists"), [(0, 1), (10, 1), (1000, 1), (1500, 1.5)])
def test_a_look_every_two_seconds_asks_step_functions_for_less_than_half_of_what_aws_allows(
    states: States, clock: Clock, watcher: Watcher, running: int, lists: float
) -> None:
    states.page = 1000
    for number in range(running):
        run(states, f"order-{number}", "RUNNING", ago=number)
    watcher.look()
    clock.pass_time(2)
    states.calls.clear()
    looks = 20
    began = clock.now
    for _ in range(looks):
        watcher.look()
        clock.pass_time(2)
    assert states.calls["list_executions"] / looks <= lists
    assert states.calls["get_execution_history"] <= looks * min(running, 10)
    assert states.calls["describe_execution"] <= min(running, MOST_SHOWN)
    allowed = {"list_executions": 2, "describe_execution": 10, "get_execution_history": 20}  # in a small Region
    for operation, rate in allowed.items():
        assert states.calls[operation] <= rate / 2 * (clock.now - began) + 1


@pytest.mark.parametrize("throttled", ["list_executions", "describe_execution", "get_execution_history"])
def test_what_ends_while_aws_throttles_is_reported_afterwards_or_all_the_same(
    states: States, watcher: Watcher, throttled: str
) -> None:
    run(states, "12345", "RUNNING", ago=100)
    run(states, execution_name("#1002", 1), "RUNNING", order_id="#1002")
    watcher.look()
    run(states, "12345", "FAILED", ago=100, took=100)
    run(states, "new", "RUNNING", ago=-1)
    states.fails = lambda operation: operation == throttled
    ended = []
    try:
        look = watcher.look()
        assert look.trouble == f"{throttled}: ThrottlingException"
        ended += names(look)[1]
    except TransientError as error:
        assert str(error) == "list_executions: ThrottlingException"  # noqa: PT017 - the others are no errors
    states.fails = lambda _operation: False
    look = watcher.look()
    assert look.trouble is None
    assert ended + names(look)[1] == ["12345"]


def test_a_look_that_fails_after_the_lists_loses_none_of_what_they_showed(
    states: States, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher.look()
    run(states, "12345", "SUCCEEDED")
    with monkeypatch.context() as patch:

        def away(_sqs: object, _url: str) -> int:
            raise EndpointConnectionError(endpoint_url="https://sqs")

        patch.setattr(watch, "count_messages", away)
        with pytest.raises(TransientError):
            watcher.look()
    assert names(watcher.look()) == ([], ["12345"])


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
    return Attempt(
        "12345", status, START, None if status == "RUNNING" else START, number=1, input='{"order_id": "12345"}'
    )


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
    changes, first = Changes(), make_sighting(attempt("RUNNING"), order("PROCESSING"))
    tried = replace(first, tries=2, error="TransientError")
    told = [list(changes.of([one])) for one in (first, first, tried, tried)]
    assert told == [[first], [], [tried], []]
    changes.forget([tried])
    assert list(changes.of([tried])) == [tried]
