"""`orders doctor --deep` and `--rollout`: say which alarms may fire, and ask where a deploy is to be rolled back."""

from collections.abc import Iterable

from ops.doctor.announcement import announce_alarms
from ops.doctor.probe import Probe
from ops.doctor.subject import Subject
from ops.errors import BadInput
from ops.shell import quote_command
from ops.terminal import screen
from ops.terminal.options import ask_person

_NEVER_IN = "prod"


def announce_deep(probes: Iterable[Probe], subject: Subject) -> None:
    """Say what will be broken, and which alarms may fire.

    Raises:
        BadInput: the stage is prod.
    """
    if subject.stage == _NEVER_IN:
        raise BadInput("--deep: breaks things on purpose, which prod is not for; name --stage dev")
    screen.print_note(
        f"breaking things in {subject.stack.name} on purpose, and repairing them;"
        f" {quote_command('orders doctor --clean')} removes what is left if this is stopped"
    )
    _announce_alarms(probes)


def announce_rollout(probes: Iterable[Probe], subject: Subject, *, yes: bool) -> None:
    """Say which alarms may fire, and go on if the person says so.

    Raises:
        Refused: they do not.
        BadInput: there is nobody to ask.
    """
    _announce_alarms(probes)
    ask_person(f"Fire these alarms, and have the deploys that you start rolled back in {subject.stack.name}?", yes=yes)


def _announce_alarms(probes: Iterable[Probe]) -> None:
    if told := announce_alarms(probe.id for probe in probes):
        screen.print_note(told)
