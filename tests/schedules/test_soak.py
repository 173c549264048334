"""The soak's command line: the seed it prints draws the same again, and a broken promise is shown and fails it."""

import pytest
from hypothesis import Phase, settings

from tests.schedules import soak
from tests.schedules.ledger import Ledger

SMALL = settings(soak.ROUND, max_examples=5, stateful_step_count=15)


def test_the_same_seed_draws_the_same_schedules(capsys: pytest.CaptureFixture[str]) -> None:
    told = []
    for _ in range(2):
        assert soak.main(["--steps", "30", "--seed", "7"], SMALL) == 0
        first, _, rest = capsys.readouterr().out.partition("\n")
        assert first == "schedules of the order pipeline: at least 30 steps, seed 7"
        assert "no promise was broken" in rest
        told.append(rest.partition("\n")[2])  # the line before has the seconds
    assert told[0] == told[1]


def test_a_seed_is_drawn_and_told_where_none_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert soak.main(["--steps", "1"], SMALL) == 0
    assert capsys.readouterr().out.splitlines()[0].rpartition("seed ")[2].isdigit()


def test_a_broken_promise_fails_the_soak_and_shows_its_steps(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(ledger: Ledger, _rows: object) -> None:
        assert ledger.supply.total() < 3, "planned by the test"

    monkeypatch.setattr(Ledger, "check", check)
    assert soak.main(["--steps", "30", "--seed", "7"], settings(SMALL, phases=[Phase.generate])) == 1
    told = capsys.readouterr().out
    assert "planned by the test" in told
    assert "state.open_the_shop(" in told
    assert "python -m tests.schedules.soak --steps 30 --seed 7" in told
