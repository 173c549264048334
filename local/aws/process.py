"""Processes stopped with all their children."""

import os
import signal
import time

import psutil

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
        if not any(_is_member(process, pid) for process in psutil.process_iter()):
            return
        time.sleep(0.02)


def _is_member(process: psutil.Process, group: int) -> bool:
    """Whether it lives in the group. Zombies count as gone: init may be slow to reap."""
    try:
        return os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, PermissionError, psutil.NoSuchProcess):  # gone meanwhile, or of another user
        return False
