"""The documentation's promises that can be held without running them: commands that exist, links that lead on."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from local.aws import ROOT
from ops.app import app

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
_FENCE = re.compile(r"^```[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`(orders [^`\n]+)`")
_LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)(#[^)\s]*)?\)")


def commands_in(page: Path) -> set[str]:
    """Give every `orders …` of a page, out of its blocks and its sentences."""
    text = page.read_text("utf-8")
    lines = [line.strip() for block in _FENCE.findall(text) for line in block.splitlines()]
    return {line for line in lines if line.startswith("orders ")} | set(_INLINE.findall(_FENCE.sub("", text)))


def problem_with(line: str) -> str | None:
    """Tell what the command line does not know of `line`; None if it knows all of it."""
    command = typer.main.get_command(app)
    known = {"--help", "-h"} | {opt for param in command.params for opt in param.opts}
    for word in shlex.split(line, comments=True)[1:]:
        if word.startswith("--") or re.fullmatch("-[a-z]", word):
            if word not in known:
                return f"{line}: no option {word}"
        elif (commands := getattr(command, "commands", None)) is not None:
            if word not in commands:
                return f"{line}: no command {word}"
            command = commands[word]
            known |= {opt for param in command.params for opt in param.opts}
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_orders_command_of_a_page_exists_with_its_options(page: Path) -> None:
    assert [problem for line in sorted(commands_in(page)) if (problem := problem_with(line))] == []


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("orders stock add item001 -5 --reason x", None),
        ("orders stock steal item001", "no command steal"),
        ("orders stock add item001 5 --why x", "no option --why"),
    ],
)
def test_a_command_that_does_not_exist_is_found(line: str, problem: str | None) -> None:
    found = problem_with(line)
    assert found is None if problem is None else found is not None and problem in found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    targets = {target for target, _ in _LINK.findall(page.read_text("utf-8"))}
    assert [target for target in sorted(targets) if not (page.parent / target).exists()] == []


def test_every_runbook_is_in_their_list() -> None:
    folder = ROOT / "docs" / "runbooks"
    listed = set(re.findall(r"^\| \[(\w+)\]\(\w+\.md\)", (folder / "README.md").read_text("utf-8"), re.MULTILINE))
    assert listed == {page.stem for page in folder.glob("*.md")} - {"README"}
