"""The commands of the doctor that are printed or documented: each names probes that it may ask."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from ops.doctor.catalogue import BEFORE, LOOKS, make_deep, make_placing, make_rollout
from ops.doctor.patience import Patience
from ops.doctor.placing.placed_run import Run
from ops.doctor.probe import Probe

ROOT: Final = Path(__file__).parents[3]
COMMAND: Final = re.compile(r"""[`'"](?:\./)?orders doctor ([^`'"]*)""")
PROBE: Final = re.compile("[A-Z][0-9]+")


def say_nothing(_text: str) -> None:
    """Print nothing."""


def find_askable(words: list[str]) -> set[str]:
    """Give the ids of the probes that a command line with these words may ask."""
    patience, asked = Patience(tell=say_nothing), list[Probe]()
    asked += BEFORE if "--before" in words else () if "--rollout" in words else LOOKS
    asked += make_placing(Run(), patient="--patient" in words) if "--probe" in words else ()
    asked += make_deep(patience, say_nothing, patient="--patient" in words) if "--deep" in words else ()
    asked += make_rollout(patience, say_nothing) if "--rollout" in words else ()
    return {probe.id for probe in asked}


def find_commands() -> Iterator[tuple[str, list[str]]]:
    for path in sorted([*(ROOT / "ops" / "doctor").rglob("*.py"), *(ROOT / "docs").rglob("*.md")]):
        for found in COMMAND.finditer(path.read_text("utf-8")):
            yield path.name, found[1].split()


COMMANDS: Final = [(name, words) for name, words in find_commands() if any(map(PROBE.fullmatch, words))]


@pytest.mark.parametrize(("name", "words"), COMMANDS, ids=lambda value: value if isinstance(value, str) else None)
def test_a_command_that_is_advised_may_ask_its_probes(name: str, words: list[str]) -> None:
    named = {word for word in words if PROBE.fullmatch(word)}
    assert named <= find_askable(words), f"{name}: orders doctor {' '.join(words)}"


def test_there_are_such_commands() -> None:
    assert ("revoked_permission.py", ["--probe", "B7"]) in COMMANDS
