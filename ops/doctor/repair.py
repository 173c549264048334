"""Puts right what a probe has broken on purpose, however the probe ends."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from functions.shared.errors import TransientError
from ops.doctor.probe import Finding
from ops.stack import explain_error

Warn = Callable[[str], None]
"""Writes a line that stays on the screen."""


@dataclass(frozen=True)
class Repair:
    """How to put right what a probe breaks; made before it breaks anything, out of what was there."""

    remains: str
    """What is so until then, as a clause: "the rule may not call the function\""""
    put_right: Callable[[], bool]
    """Puts it right, also where it is right already; whether it is now"""
    command: str
    """The command that does the same, quoted for a person to paste"""
    warn: Warn


def look_while_broken(look: Callable[[], Iterable[Finding]], repair: Repair) -> Iterator[Finding]:
    """Give what was found while it was broken, and what could not be put right, also where an error ended it.

    `look` breaks it first. The command that repairs it is shown before, for an end after which nothing runs here.
    """
    repair.warn(f"should this be cut off: {repair.command} (until then {repair.remains})")
    found: list[Finding] = []
    try:
        try:
            for finding in look():
                found.append(finding)
        finally:
            found += _try_repair(repair)
    finally:
        yield from found


def _try_repair(repair: Repair) -> Iterator[Finding]:
    """Put it right; a second Ctrl-C meanwhile ends it, with the command on the screen."""
    try:
        is_right, why = repair.put_right(), ""
    except ClientError as error:
        is_right, why = False, f" ({explain_error(error)})"
    except (BotoCoreError, TransientError) as error:
        is_right, why = False, f" ({error})"
    except KeyboardInterrupt:
        repair.warn(f"{repair.remains}: run {repair.command}")
        raise
    if not is_right:
        repair.warn(f"{repair.remains}: run {repair.command}")
        yield Finding.wrong(f"{repair.remains}{why}", f"run {repair.command}")
