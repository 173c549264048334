"""`make release`: what a release would be; `make release RELEASE=--tag` makes its commit and tag. Nothing is pushed."""

import argparse
import os
import subprocess
import sys
import tempfile
import tomllib
from datetime import UTC, datetime
from pathlib import Path

from tools.release.changelog import ReleaseError, name_version, read_notes

ROOT = Path(__file__).resolve().parents[2]
UV = Path(sys.executable).with_name("uv")


def main(root: Path = ROOT, words: list[str] | None = None) -> None:
    """Check, build and try the version that pyproject.toml names; print its notes and what is left to do.

    Raises:
        ReleaseError: something stands in the way.
    """
    parser = argparse.ArgumentParser(prog="make release", description=__doc__)
    parser.add_argument("--tag", action="store_true", help="commit the changelog under the version, and tag it")
    tag = parser.parse_args(words).tag
    version: str = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    notes = read_notes((root / "CHANGELOG.md").read_text("utf-8"))
    check_tree(root, version)
    wheel = build_wheel(root, root / ".build" / "release")
    try_wheel(wheel, version)
    print(f"version {version}: the tree is clean, {wheel.name} is built and answers `orders --version`\n\n{notes}")
    if tag:
        tag_version(root, version, notes)
    else:
        print("Nothing was changed. `make release RELEASE=--tag` commits the changelog and tags it, for you to push:")
    print(f"  git push --atomic origin HEAD v{version}")


def check_tree(root: Path, version: str) -> None:
    """Check that what is committed is all there is, and that this version is new and stands in one place.

    Raises:
        ReleaseError: it is not so.
    """
    if changed := ask_git(root, "status", "--porcelain"):
        raise ReleaseError(f"the tree is not clean; commit or remove this first:\n{changed}")
    if ask_git(root, "tag", "--list", f"v{version}"):
        raise ReleaseError(f"v{version} is released already; put the next version into pyproject.toml")
    named = ask_git(root, "grep", "-lF", f'"{version}"', "--", ":!package-lock.json", ":!requirements").split()
    if others := [file for file in named if file != "pyproject.toml"]:
        raise ReleaseError(f"name the version in pyproject.toml alone; it is in {', '.join(others)} too")


def build_wheel(root: Path, folder: Path) -> Path:
    """Build the wheel; those of earlier versions go."""
    for old in folder.glob("*.whl"):
        old.unlink()
    run(UV, "build", "--quiet", "--wheel", "--offline", "--out-dir", folder, root)
    (wheel,) = folder.glob("*.whl")
    return wheel


def try_wheel(wheel: Path, version: str) -> None:
    """Start `orders` from the wheel, away from the repository, with the packages of this environment.

    Raises:
        ReleaseError: it does not say its version.
    """
    with tempfile.TemporaryDirectory() as folder:
        run(UV, "pip", "install", "--quiet", "--offline", "--no-deps", "--target", folder, wheel)
        environment = {**os.environ, "PYTHONPATH": folder}
        said = run(sys.executable, "-m", "ops", "--version", cwd=folder, env=environment)
    if said != f"orders {version}":
        raise ReleaseError(f"`orders --version` of {wheel.name} says {said!r}")


def tag_version(root: Path, version: str, notes: str) -> None:
    """Commit the changelog with the version's name, and tag that commit with the notes."""
    changelog = root / "CHANGELOG.md"
    text = name_version(changelog.read_text("utf-8"), version, f"{datetime.now(UTC):%Y-%m-%d}")
    changelog.write_text(text, encoding="utf-8")
    ask_git(root, "commit", "--quiet", "--message", f"Version {version}", "CHANGELOG.md")
    # As it is: a heading's # would begin a comment.
    ask_git(root, "tag", "--annotate", "--cleanup=verbatim", "--message", f"{version}\n\n{notes}", f"v{version}")


def ask_git(root: Path, *words: str) -> str:
    """Run git, and give what it says."""
    return run("git", "-C", root, *words)


def run(*words: str | Path, cwd: str | None = None, env: dict[str, str] | None = None) -> str:
    """Run a program to its end, and give what it says.

    Raises:
        ReleaseError: it failed.
    """
    done = subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    if done.returncode:
        raise ReleaseError(f"{' '.join(map(str, words))}:\n{done.stdout}{done.stderr}")
    return done.stdout.rstrip()


if __name__ == "__main__":
    try:
        main()
    except ReleaseError as error:
        sys.exit(f"error: {error}")
