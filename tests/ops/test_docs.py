"""The documentation's promises that can be checked without running them: commands, paths and links exist."""

# ruff: noqa: S603 - the programs run here are make and zensical

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

from local.aws import ROOT
from ops.cost.estimate import estimate_cost
from tests.answers import make_command

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob(".github/*.md")])
_FENCE = re.compile(r"^```[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`(orders [^`\n]+)`")
_LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_PATH = re.compile(r"`([\w.-]+/[\w./-]*|[\w.-]+\.(?:py|md|toml|json|yml))`")
# The reader makes these, as the page says.
_OWN_FILES = {".build/evidence", "stages/dev.toml", "stages/prod.toml", "trust.json", "may.json"}
_MODULE = re.compile(r"python -m ([\w.]+)")
_TARGET = re.compile(r"(?:`|\(|^)make (?:-s )?([a-z][\w.-]*)", re.MULTILINE)


def commands_in(page: Path) -> set[str]:
    """Give every `orders …` of a page, out of its blocks and its sentences."""
    text = page.read_text("utf-8")
    lines = [line.strip() for block in _FENCE.findall(text) for line in block.splitlines()]
    return {line for line in lines if line.startswith("orders ")} | set(_INLINE.findall(_FENCE.sub("", text)))


def problem_with(line: str) -> str | None:
    """Tell what the command line does not know of `line`; None if it knows all of it."""
    command = make_command()
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


def anchors(page: Path) -> set[str]:
    """Give the anchors of a page's headings, as GitHub and the site make them."""
    return {
        re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-")
        for title in _HEADING.findall(page.read_text("utf-8"))
    }


def broken_links(page: Path) -> list[str]:
    broken = []
    for target, anchor in sorted(set(_LINK.findall(page.read_text("utf-8")))):
        linked = page.parent / target if target else page
        if not linked.exists() or (anchor and anchor not in anchors(linked)):
            broken.append(f"{target}#{anchor}")
    return broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    assert broken_links(page) == []


@pytest.fixture(scope="module")
def names() -> set[str]:
    """Give the name of every file and folder of the project."""
    git = shutil.which("git")
    assert git
    listed = subprocess.run([git, "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    return {part for file in listed for part in file.split("/")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_path_and_module_of_a_page_exists(page: Path, names: set[str]) -> None:
    """A name alone may be of any folder: the page says which in its words."""
    text = page.read_text("utf-8")
    asked = set(_PATH.findall(text)) - _OWN_FILES
    paths = {path for path in asked if not (ROOT / path).exists() and path.strip("/") not in names}
    modules = {module for module in _MODULE.findall(text) if find_spec(module) is None}
    assert paths | modules == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_make_target_of_a_page_exists(page: Path) -> None:
    known = set(re.findall(r"^([\w.-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(_TARGET.findall(page.read_text("utf-8"))) - known == set()


def test_the_readme_can_be_read_in_some_minutes_and_has_its_two_commands() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert len(text.split()) <= 1_000
    assert [block for block in _FENCE.findall(text) if block.startswith("make ")][:2] == ["make demo\n", "make test\n"]
    assert f"${estimate_cost([1_000_000], 3).total[0]:.0f}" in text


# --- what is still open ---------------------------------------------------------------------------------------------

OPEN = ROOT / "docs" / "only-aws-can-show.md"
_PROBES = re.compile(r"P[1-4]|A(?:[1-9]|1[0-3])|B[0-8]|D[1-5]|R[1-3]")
_SAID_TO_BE_OPEN = re.compile(r"only AWS can show|not yet (?:run|tried) on AWS|never run|unproven", re.IGNORECASE)


def test_every_open_point_names_the_probes_that_settle_it() -> None:
    tables = OPEN.read_text("utf-8").split("| open | probe |\n|---|---|\n")[1:]
    rows = [row for table in tables for row in table.partition("\n\n")[0].splitlines()]
    assert len(rows) >= 15
    for row in rows:
        probes = row.strip("| ").rpartition(" | ")[2].partition(";")[0]
        assert all(_PROBES.fullmatch(probe) for probe in probes.split(", ")), row


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_is_open_on_aws_is_in_one_list(page: Path) -> None:
    text = page.read_text("utf-8")
    assert page.name in {OPEN.name, "CHANGELOG.md"} or not _SAID_TO_BE_OPEN.search(text) or OPEN.name in text


# --- the site -------------------------------------------------------------------------------------------------------


def build_site(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("zensical")), "build", "--strict"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    return tmp_path


def test_the_site_is_built_with_every_page(site: Path) -> None:
    built = build_site(site)
    assert built.returncode == 0, built.stdout + built.stderr
    pages = {page.relative_to(site / "docs").with_suffix(".html") for page in site.glob("docs/**/*.md")}
    homes = {page.with_name("index.html") if page.stem == "README" else page for page in pages}
    assert {page for page in homes if not (site / ".build" / "site" / page).is_file()} == set()


def test_a_broken_link_builds_no_site(site: Path) -> None:
    with (site / "docs" / "README.md").open("a", encoding="utf-8") as page:
        page.write("\n[nowhere](nowhere.md)\n")
    assert build_site(site).returncode != 0


def test_every_page_is_in_the_sites_navigation() -> None:
    navigation = tomllib.loads((ROOT / "zensical.toml").read_text("utf-8"))["project"]["nav"]
    docs = ROOT / "docs"
    pages = {page.relative_to(docs).as_posix() for page in docs.glob("**/*.md")}
    assert set(re.findall(r"[\w/-]+\.md", str(navigation))) == pages


def test_every_runbook_is_in_their_list() -> None:
    folder = ROOT / "docs" / "runbooks"
    listed = set(re.findall(r"^\| \[(\w+)\]\(\w+\.md\)", (folder / "README.md").read_text("utf-8"), re.MULTILINE))
    assert listed == {page.stem for page in folder.glob("*.md")} - {"README"}
