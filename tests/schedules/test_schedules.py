"""Whatever happens in whatever order: nothing lost, nothing twice. `make soak` draws many more."""

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.examples import draw_examples
from tests.schedules.cloud import Account
from tests.schedules.rules import Totals, schedules

FEW = settings(draw_examples(80), stateful_step_count=50)


def test_nothing_is_lost_or_done_twice_in_any_schedule(account: Account) -> None:
    totals = Totals()
    run_state_machine_as_test(schedules(account, totals), settings=FEW)
    assert totals.steps > 1000
