"""Each end is reported once, whatever the lists show and when: they page, throttle, and lag behind."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.shared.aws import call
from functions.shared.errors import TransientError
from ops import executions as module
from ops.executions import Executions
from ops.orders import Orders
from ops.pace import CALLS_A_SECOND, Pace
from tests.ops.states import MACHINE, START, States

STATUSES = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")


@dataclass
class Lagging(States):
    """Step Functions whose answers are as old as the next of `lags` says, in seconds; time passes where it is waited."""

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
        at = self.now - (self.lags.pop() if self.lags else 0)
        seen = {name: [one for when, one in known if when <= at] for name, known in self.versions.items()}
        self.executions = {name: known[-1] for name, known in seen.items() if known}


def looking(states: Lagging) -> Executions:
    pace = states.pace()
    return Executions(Orders(None, states, table="", machine=MACHINE, pace=pace), pace)


def look(executions: Executions) -> list[str]:
    """Look, and give the names of what is reported as ended."""
    seen = call(executions.look)
    ended = [one.name for one in seen.ended] if executions.has_looked else []
    executions.accept(seen)
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


@settings(max_examples=300, deadline=None)
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
        fails, states.lags = iter(step.fails), list(step.lags)
        states.fails = lambda _operation, fails=fails: next(fails, False)
        try:
            reported += look(executions)
        except TransientError:
            continue
    states.lags, states.fails = [], lambda _operation: False
    for _ in range(30):  # until all that left both lists is described
        states.pass_time(3)
        reported += look(executions)
    assert Counter(reported) == Counter(truth)
