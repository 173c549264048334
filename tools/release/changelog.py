"""CHANGELOG.md, whose unreleased section becomes a version's."""

import re

_UNRELEASED = re.compile(r"^## Unreleased\n(?P<notes>.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)


class ReleaseError(Exception):
    """What stands in the way of a release."""


def read_notes(changelog: str) -> str:
    """Give what the unreleased section says.

    Raises:
        ReleaseError: there is no such section, or nothing in it.
    """
    section = _UNRELEASED.search(changelog)
    if section is None or not section["notes"].strip():
        raise ReleaseError("CHANGELOG.md: write what changes for users under `## Unreleased`")
    return section["notes"].strip() + "\n"


def name_version(changelog: str, version: str, date: str) -> str:
    """Give the changelog with the unreleased section under its version, and a new, empty one above it."""
    notes = read_notes(changelog)
    return _UNRELEASED.sub(lambda _: f"## Unreleased\n\n## {version} - {date}\n\n{notes}\n", changelog, count=1)
