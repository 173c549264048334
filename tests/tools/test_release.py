"""`make release` on a small project of its own: what it refuses, and what it leaves behind."""

from pathlib import Path

import pytest

from tools.release import __main__ as release
from tools.release.changelog import ReleaseError, name_version, read_notes

PYPROJECT = """[project]
name = "order-processing"
version = "7.8.9"
scripts.orders = "ops.__main__:main"

[build-system]
requires = ["uv_build>=0.13,<1"]
build-backend = "uv_build"

[tool.uv.build-backend]
module-name = "ops"
module-root = ""
"""
CHANGELOG = "# Changelog\n\n## Unreleased\n\n### Added\n\n- A thing.\n\n## 0.1.0 - 2026-01-01\n\n- The first.\n"
SAYS_VERSION = "from importlib.metadata import version\n\nprint('orders', version('order-processing'))\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "somebody")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "somebody@example.com")
    files = {"pyproject.toml": PYPROJECT, "CHANGELOG.md": CHANGELOG, ".gitignore": ".build/\n"}
    for name, text in {**files, "ops/__init__.py": "", "ops/__main__.py": SAYS_VERSION}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    release.ask_git(tmp_path, "init", "--quiet")
    commit(tmp_path)
    return tmp_path


def commit(project: Path) -> None:
    release.ask_git(project, "add", "--all")
    release.ask_git(project, "commit", "--quiet", "--message", "as it is")


def state(project: Path) -> list[str]:
    return [release.ask_git(project, *words) for words in (["rev-parse", "HEAD"], ["status", "-s"], ["tag"])]


def test_a_dry_run_builds_and_tries_the_wheel_shows_the_notes_and_changes_nothing(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = state(project)
    release.main(project, [])
    assert state(project) == before
    told = capsys.readouterr().out
    assert "version 7.8.9: the tree is clean, order_processing-7.8.9-py3-none-any.whl is built and answers" in told
    assert "\n### Added\n\n- A thing.\n" in told
    assert "The first" not in told


def test_a_release_names_the_notes_in_the_changelog_and_tags_that_commit_with_them(project: Path) -> None:
    release.main(project, ["--tag"])
    assert release.ask_git(project, "status", "--porcelain") == ""
    assert release.ask_git(project, "describe") == "v7.8.9"
    notes = release.ask_git(project, "tag", "--list", "--format=%(contents)", "v7.8.9")
    assert notes.strip() == "7.8.9\n\n### Added\n\n- A thing."
    with pytest.raises(ReleaseError, match="Unreleased"):
        release.main(project, ["--tag"])


def test_what_is_not_committed_is_not_released(project: Path) -> None:
    (project / "new.py").touch()
    with pytest.raises(ReleaseError, match=r"not clean.*\n\?\? new\.py"):
        release.main(project, [])


def test_a_version_that_is_tagged_is_not_released_again(project: Path) -> None:
    release.ask_git(project, "tag", "v7.8.9")
    with pytest.raises(ReleaseError, match="released already"):
        release.main(project, [])


def test_a_version_in_a_second_place_is_named(project: Path) -> None:
    (project / "ops" / "__init__.py").write_text('VERSION = "7.8.9"\n', encoding="utf-8")
    commit(project)
    with pytest.raises(ReleaseError, match=r"ops/__init__\.py"):
        release.main(project, [])


def test_a_wheel_that_says_another_version_is_not_released(project: Path) -> None:
    (project / "ops" / "__main__.py").write_text("print('orders 0.1.0')\n", encoding="utf-8")
    commit(project)
    with pytest.raises(ReleaseError, match=r"says 'orders 0\.1\.0'"):
        release.main(project, [])


@pytest.mark.parametrize("changelog", ["# Changelog\n", "## Unreleased\n\n## 0.1.0 - 2026-01-01\n\n- The first.\n"])
def test_without_notes_there_is_no_release(changelog: str) -> None:
    with pytest.raises(ReleaseError, match="under `## Unreleased`"):
        read_notes(changelog)


def test_the_next_changes_have_a_section_to_go_to() -> None:
    named = name_version(CHANGELOG, "7.8.9", "2026-02-01")
    assert named == CHANGELOG.replace("## Unreleased\n", "## Unreleased\n\n## 7.8.9 - 2026-02-01\n")


def test_the_projects_own_changelog_has_a_section_for_what_is_not_released() -> None:
    assert "\n## Unreleased\n" in (release.ROOT / "CHANGELOG.md").read_text("utf-8")
