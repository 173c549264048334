"""The commit that a report is about."""

import subprocess
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).resolve().parents[2]
_DESCRIBE: Final = ("git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")


def read_commit() -> str | None:
    """Give the commit of the project's folder, with -dirty if files have changed; None outside a repository of it."""
    if not (_ROOT / ".git").exists():
        return None
    try:
        answer = subprocess.run(_DESCRIBE, cwd=_ROOT, capture_output=True, text=True, check=True)  # noqa: S603 - no input
    except (OSError, subprocess.CalledProcessError):  # no git, or a repository that is not this user's
        return None
    return answer.stdout.strip()
