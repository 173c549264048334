"""The requirements files say the same about what they share."""

import re

import pytest

from infra.paths import ROOT

REQUIREMENTS = ROOT / "requirements"


def pins(name: str) -> dict[str, str]:
    """Each package's lines: its version, its marker and its hashes."""
    text = re.sub(r"^#.*\n", "", (REQUIREMENTS / name).read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {block.split("==")[0]: block.strip() for block in re.split(r"\n(?=\S)", text.strip())}


@pytest.mark.parametrize("name", ["bootstrap.txt", "functions.txt"])
def test_what_is_developed_with_is_what_is_shipped_and_bootstrapped(name: str) -> None:
    everything = pins("dev.txt")
    assert pins(name).items() <= everything.items()


def test_the_bootstrap_is_uv_alone() -> None:
    assert pins("bootstrap.txt").keys() == {"uv"}
