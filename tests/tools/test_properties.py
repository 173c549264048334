"""What is drawn at a change is the same each time; at night it is more, and what the seed says."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from infra.paths import ROOT
from tests.examples import NIGHTLY, ORDINARY, draw_examples

DRAWING = """
from hypothesis import given, strategies as st
from tests.examples import draw_examples

@draw_examples(4)
@given(st.integers(0, 2**64))
def test_drawn(number):
    print("drawn", number)

def test_nothing_is_drawn():
    print("another test ran")
"""


@pytest.fixture(autouse=True)
def _profile() -> Iterator[None]:
    in_force = settings.get_current_profile_name()
    yield
    settings.load_profile(in_force)


def test_a_test_names_its_number_and_the_profile_how_many_times_as_many() -> None:
    settings.load_profile(ORDINARY)
    assert (draw_examples(40).max_examples, draw_examples(40).derandomize) == (40, True)
    settings.load_profile(NIGHTLY)
    assert (draw_examples(40).max_examples, draw_examples(40).derandomize) == (1000, False)


def test_no_test_fixes_its_number_of_examples_past_the_profiles() -> None:
    """Schedules are long: those of `make soak` count steps."""
    fixed = [
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if re.search(r"\bmax_examples=", path.read_text("utf-8"))
    ]
    assert fixed == ["tests/examples.py", "tests/schedules/soak.py", "tests/schedules/test_soak.py"]


def test_at_night_the_seed_that_is_printed_draws_the_same_examples_once_more(tmp_path: Path) -> None:
    test = tmp_path / "test_drawing.py"
    test.write_text(DRAWING, encoding="utf-8")
    told = [run_properties(test, seed) for seed in (7, 7, 8)]
    drawn = [re.findall(r"drawn (\d+)", text) for text in told]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(drawn[0]) == 100
    assert "seed 7; once more: make properties SEED=7" in told[0]
    assert "another test ran" not in told[0]


def run_properties(test: Path, seed: int) -> str:
    """What `make properties` prints of one file's tests."""
    command = ["make", "-s", "-o", "install", "properties", f"SEED={seed}", f"PROPERTIES=-p tests.conftest -s {test}"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S603 - make
