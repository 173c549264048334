"""Processes told apart from others that later get the same id, and stopped with all their children."""

import os
import signal
import subprocess
import time
from pathlib import Path

_GONE_WITHIN_SECONDS = 5.0


def birth_of(pid: int) -> str | None:
    """Return what tells this process from any later one with its id; None if none runs.

    On Linux `/proc` knows the start (field 22 of `stat`; a slim container has no `ps`), elsewhere `ps` does.
    """
    if Path("/proc/self/stat").exists():
        try:
            # The command's name, in parentheses, may itself hold spaces and parentheses.
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        state, started = fields[0], fields[19]
        return None if state in {"Z", "X"} else started
    answer = subprocess.run(  # noqa: S603 - the one variable word is a number
        ["ps", "-o", "lstart=", "-p", str(pid)],  # noqa: S607 - where ps stands differs between systems
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stdout.strip() or None


def kill_group(pid: int) -> None:
    """Kill the group that `pid` leads and wait until all of it is gone.

    SIGKILL at once, since a group here holds nothing worth saving, and only the kernel reaches every
    grandchild (Lambda workers, the CDK's app) also when their parent is already dead.
    """
    deadline = time.monotonic() + _GONE_WITHIN_SECONDS
    while time.monotonic() < deadline:
        try:
            os.killpg(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # macOS says EPERM where only zombies are left
            return
        if birth_of(pid) is None and not _members(pid):
            return
        time.sleep(0.02)


def _members(group: int) -> list[int]:
    """The group's living members, where `/proc` can tell. Zombies count as gone: init may be slow to reap."""
    members = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _parent, its_group = stat.read_text(encoding="utf-8").rpartition(")")[2].split()[:3]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(its_group) == group and state not in {"Z", "X"}:
            members.append(int(stat.parent.name))
    return members
