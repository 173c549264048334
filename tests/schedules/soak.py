"""`python -m tests.schedules.soak --steps 100000 --seed N`: draw schedules until so many steps are done.

The seed is printed first, and with the same seed and number of steps the same schedules are drawn. A failure is shrunk
and printed, step by step; the exit code is 1 then.
"""

import argparse
import random
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import seed, settings
from hypothesis.stateful import run_state_machine_as_test
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests import conftest  # noqa: F401 — the region, before the functions make their first client
from tests.examples import NIGHTLY
from tests.schedules.cloud import connected
from tests.schedules.rules import Totals, schedules
from tests.schedules.test_interleavings import ALL, explore

SCHEDULES_A_ROUND = 200
STEPS_A_SCHEDULE = 60
EVERY = 10_000  # steps, where the output is no terminal

ROUND = settings(settings.get_profile(NIGHTLY), max_examples=SCHEDULES_A_ROUND, stateful_step_count=STEPS_A_SCHEDULE)


def soak(steps: int, first: int, totals: Totals, each: settings = ROUND) -> None:
    """Draw rounds of schedules, each with the next seed, until there are enough steps."""
    with connected() as account:
        while totals.steps < steps:
            machine = seed(first + totals.rounds)(schedules(account, totals))
            run_state_machine_as_test(machine, settings=each)
            totals.rounds += 1


def main(arguments: list[str], each: settings = ROUND) -> int:
    """Run the command line and give its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.schedules.soak", description="Draw schedules and hold them.")
    parser.add_argument("--steps", type=int, default=100_000, help="at least so many (default: 100000)")
    parser.add_argument("--exhaustive", action="store_true", help="also every interleaving that the tests know of")
    parser.add_argument("--seed", type=int, help="repeat a run (default: another one each time, printed)")
    asked = parser.parse_args(arguments)
    first = random.SystemRandom().randrange(2**32) if asked.seed is None else asked.seed
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"schedules of the order pipeline: at least {asked.steps:,} steps, seed {first}")
    started = time.monotonic()
    totals = Totals()
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as progress:
        totals.progress = _shown(progress, console, asked.steps, totals)
        try:
            soak(asked.steps, first, totals, each)
        except Exception:  # noqa: BLE001 — whatever a schedule raises is a promise broken
            progress.stop()
            console.print(
                f"a promise is broken after {totals.steps:,} steps; shrunk, the schedule is:", style="bold red"
            )
            console.out(traceback.format_exc())
            console.print(f"once more: python -m tests.schedules.soak --steps {asked.steps} --seed {first}")
            return 1
    _report(console, totals, time.monotonic() - started)
    if asked.exhaustive:
        with connected() as account:
            number = sum(explore(account, *search) for search in ALL)
        console.print(f"every interleaving of up to three reservations and two releases: {number:,}, one outcome each")
    return 0


def _shown(progress: Progress, console: Console, steps: int, totals: Totals) -> Callable[[], None]:
    bar = progress.add_task("steps", total=steps)

    def show() -> None:
        if console.is_terminal:
            progress.update(bar, completed=totals.steps)
        elif totals.steps % EVERY == 0:
            console.print(f"{totals.steps:,} steps, {totals.schedules:,} schedules …")

    return show


def _report(console: Console, totals: Totals, seconds: float) -> None:
    console.print(
        f"{totals.steps:,} steps in {totals.schedules:,} schedules, {seconds:.0f} s: {totals.orders:,} orders, "
        f"{totals.executions:,} executions, {totals.mails:,} mails, {totals.calls.total():,} AWS calls, "
        f"{totals.faults.total():,} of them with a fault; no promise was broken"
    )
    for title, counts in (
        ("what happened", totals.rules),
        ("calls", totals.calls),
        ("faults", {fate.value: number for fate, number in totals.faults.items()}),
        ("an order's row", {f"{old or 'none'} → {new}": number for (old, new), number in totals.transitions.items()}),
    ):
        _table(console, title, counts)


def _table(console: Console, title: str, counts: Mapping[Any, int]) -> None:
    console.print(f"  {title}")
    for name, number in sorted(counts.items(), key=lambda pair: -pair[1]):
        console.print(f"    {number:>9,}  {name}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
