"""Processes stopped with all their children."""

import os
import signal
import time
from pathlib import Path

from ops.local_aws import birth_of

_GONE_WITHIN_SECONDS = 5.0


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
