"""`orders doctor --probe`: says what it will do, asks in prod, and how to clean up comes last, whatever happened."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ops.doctor.own_names import name_item
from ops.doctor.placing.placed_run import PIECES, Run, read_deployment
from ops.doctor.subject import Subject
from ops.errors import Refused
from ops.shell import quote_command
from ops.terminal import screen
from ops.terminal.options import ask_person

_ASKED_IN: Final = "prod"


@contextmanager
def announce_run(run: Run, subject: Subject, *, patient: bool, yes: bool) -> Iterator[None]:
    """Say what placing probes do, and ask in prod; at the end, also after Ctrl-C, say how to remove what they left.

    Raises:
        Refused: the person says no, or a deployment of prod is under way.
        BadInput: there is nobody to ask.
    """
    minutes = "15 minutes at most" if patient else "4 minutes at most"
    screen.print_note(
        f"placing orders of its own in {subject.stack.name}, each with an id that begins with {run.id}: up to four to"
        f" SES's mailbox simulator for one of {PIECES} pieces of {name_item(run.id)}, one message that is refused, and"
        f" one execution that is stopped. It takes {minutes}, and costs less than a cent."
    )
    if not subject.is_local:
        screen.print_note(
            "two alarms are set to ALARM for a moment, and OrderDlqNotEmpty may fire: subscribers are notified"
        )
    if subject.stage == _ASKED_IN:
        if status := read_deployment(subject):
            raise Refused(f"{subject.stack.name} is {status}: wait until the deployment has ended")
        ask_person(f"Place them in {subject.stack.name}?", yes=yes)
    try:
        yield
    finally:
        screen.print_note(f"{quote_command('orders doctor --clean')} removes the orders and the stock that this placed")
