"""Each end is reported once, whatever the lists show and when: they page, throttle, and lag behind."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from functions.shared.aws import call_aws
from functions.shared.errors import TransientError
from ops.orders.ends import EndFinder
from ops.orders.ledger import Orders
from ops.orders.pace import AT_ONCE, CALLS_A_SECOND, Pace
from tests.clients import pose_as_client
from tests.examples import draw_examples
from tests.ops.states import MACHINE, START, States

STATUSES = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")


@dataclass
class Lagging(States):
    """Step Functions whose answers are as many seconds old as the next of `lags` says; waiting passes its time."""

    now: float = 0
    lags: list[float] = field(default_factory=list)
    versions: dict[str, list[tuple[float, dict[str, Any]]]] = field(default_factory=dict)

    def start(self, name: str) -> None:
        self.put(name, "RUNNING", "{}", began=self.now)
        self.versions[name] = [(self.now, self.executions[name])]

    def end(self, name: str, status: str = "SUCCEEDED") -> None:
        ended = {**self.versions[name][-1][1], "status": status, "stopDate": START + timedelta(seconds=self.now)}
        self.versions[name].append((self.now, ended))

    def redrive(self, name: str) -> None:
        again = {**self.versions[name][-1][1], "status": "RUNNING"}
        del again["stopDate"]
        self.versions[name].append((self.now, again))

    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    def pace(self) -> Pace:
        return Pace(lambda: self.now, self.pass_time)

    def is_running(self, name: str) -> bool:
        return bool(self.versions[name][-1][1]["status"] == "RUNNING")

    def list_executions(self, **parameters: Any) -> dict[str, Any]:
        self._see()
        return super().list_executions(**parameters)

    def describe_execution(self, **parameters: Any) -> dict[str, Any]:
        self._see()
        return super().describe_execution(**parameters)

    def _see(self) -> None:
        lag = self.lags.pop() if self.lags else 0
        seen = {  # not all of them lag as much
            name: [one for when, one in known if when <= self.now - lag * (number % 3) / 2]
            for number, (name, known) in enumerate(self.versions.items())
        }
        self.executions = {name: known[-1] for name, known in seen.items() if known}


def looking(states: Lagging, *, most_pages: int = 1000) -> EndFinder:
    pace = states.pace()
    return EndFinder(
        Orders(pose_as_client(None), pose_as_client(states), table="", machine=MACHINE, pace=pace), pace, most_pages
    )


def fails_as(planned: list[bool]) -> Callable[[str], bool]:
    """Let each call fail as planned, and those after them succeed."""
    fails = iter(planned)
    return lambda _operation: next(fails, False)


def look(finder: EndFinder) -> list[str]:
    """Look, and give the names of what is reported as ended."""
    seen = call_aws(finder.look)
    ended = [one.name for one in seen.ended] if finder.has_looked else []
    finder.accept(seen)
    return ended


@dataclass
class Step:
    """What happens between two looks: some start, some of those that run end, time passes; then calls fail and lag."""

    starts: int
    ends: list[int]
    status: str
    passes: float
    fails: list[bool]
    lags: list[float]


STEPS = st.lists(
    st.builds(
        Step,
        starts=st.integers(0, 12),
        ends=st.lists(st.integers(0, 40), max_size=12),
        status=st.sampled_from(STATUSES),
        passes=st.sampled_from([0.2, 2.0, 9.0, 45.0]),
        fails=st.lists(st.booleans(), max_size=4),
        lags=st.lists(st.floats(0, 5), max_size=8),
    ),
    max_size=12,
)


@settings(draw_examples(60), phases=[Phase.explicit, Phase.generate])
@given(STEPS, st.integers(0, 30), st.sampled_from([3, 10, 1000]))
def test_what_ends_is_reported_once_and_nothing_else_is(steps: list[Step], before: int, page: int) -> None:
    states = Lagging(page=page)
    for number in range(before):
        states.start(f"old-{number}")
        states.pass_time(20)
    states.pass_time(60)
    executions, reported, truth = looking(states), list[str](), set[str]()
    assert look(executions) == []
    for number, step in enumerate(steps):
        running = sorted(name for name in states.versions if states.is_running(name))
        for name in [f"{number}-{one}" for one in range(step.starts)]:
            states.start(name)
            running.append(name)
        states.pass_time(step.passes / 2)
        for name in {running[one % len(running)] for one in step.ends if running}:
            states.end(name, step.status)
            truth.add(name)
        states.pass_time(step.passes / 2)
        states.lags, states.fails = list(step.lags), fails_as(step.fails)
        try:
            reported += look(executions)
        except TransientError:
            continue
    states.lags, states.fails = [], lambda _operation: False
    for _ in range(30):  # until all that left both lists is described
        states.pass_time(3)
        reported += look(executions)
    assert Counter(reported) == Counter(truth)


@pytest.mark.parametrize("number", [60, 2500])
def test_many_that_start_and_end_between_two_looks_are_all_reported(number: int) -> None:
    states = Lagging(page=1000)
    executions = looking(states)
    look(executions)
    names = [f"{one}" for one in range(number)]
    for name in names:
        states.start(name)
        states.end(name)
    assert sorted(look(executions)) == sorted(names)
    assert look(executions) == []


def test_a_list_that_shows_an_ended_execution_as_running_again_makes_no_second_end() -> None:
    states = Lagging(page=1000)
    executions = looking(states)
    look(executions)
    states.start("12345")
    states.pass_time(5)
    states.end("12345")
    states.pass_time(2)
    assert look(executions) == ["12345"]
    states.lags = [4]
    assert [look(executions), look(executions)] == [[], []]


@pytest.mark.parametrize("newer", [0, 1500])
def test_an_execution_that_is_redriven_ends_a_second_time(newer: int) -> None:
    states = Lagging(page=1000)
    executions = looking(states)
    states.start("12345")
    look(executions)
    states.pass_time(100)
    for number in range(newer):  # so many that it is not on the newest page any more
        states.start(f"{number}")
        states.end(f"{number}")
    states.end("12345", "FAILED")
    assert "12345" in look(executions)
    states.redrive("12345")
    for _ in range(5):  # it is found by when old ones are listed again
        states.pass_time(5)
        assert look(executions) == []
    states.end("12345")
    assert [look(executions), look(executions)] == [["12345"], []]


def test_many_that_are_older_than_the_page_and_end_at_once_are_reported_as_fast_as_the_pace_allows() -> None:
    states = Lagging(page=1000)
    executions = looking(states)
    old = [f"old-{number}" for number in range(60)]
    for name in old:
        states.start(name)
    look(executions)
    for number in range(1500):
        states.pass_time(1)
        states.start(f"{number}")
        states.end(f"{number}")
    look(executions)
    states.pass_time(60)
    for name in old:
        states.end(name)
    reported = look(executions)
    assert len(reported) == AT_ONCE
    for number in range(10):
        states.pass_time(60)
        states.start(f"later-{number}")
        reported += look(executions)
    assert Counter(reported) == Counter(old)


def test_of_more_running_ones_than_are_listed_an_old_one_s_end_is_reported_once_fewer_run() -> None:
    states = Lagging(page=10)
    executions = looking(states, most_pages=1)
    states.start("old")
    look(executions)
    for number in range(20):
        states.pass_time(60)
        states.start(f"{number}")
    look(executions)
    states.end("old")
    assert [look(executions), look(executions)] == [[], []]
    for number in range(15):
        states.end(f"{number}")
    states.pass_time(60)
    assert "old" in look(executions)


def test_an_execution_that_step_functions_has_forgotten_is_not_asked_for_again() -> None:
    states = Lagging(page=1000)
    executions = looking(states)
    states.start("old")
    states.pass_time(60)
    states.start("newer")
    look(executions)
    del states.versions["old"]
    assert look(executions) == []
    asked = states.calls["describe_execution"]
    assert (look(executions), states.calls["describe_execution"]) == ([], asked)


def test_a_call_waits_once_what_was_saved_up_is_used() -> None:
    states = Lagging()
    pace = states.pace()
    for operation, rate in CALLS_A_SECOND.items():
        states.now, began = states.now + 1000, states.now + 1000
        assert pace.ready(operation) == AT_ONCE
        for _ in range(AT_ONCE + 30):
            pace.wait(operation)
        assert states.now - began == pytest.approx(30 / rate)
        assert pace.ready(operation) == 0
