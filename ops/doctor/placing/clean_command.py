"""`orders doctor --clean`: says what probes left, asks, and removes it."""

from typing import Final

from ops.doctor.placing.clean_up import Leftovers, find_leftovers, remove_leftovers
from ops.errors import Refused
from ops.stack import Stack
from ops.terminal import screen
from ops.terminal.options import ask_person
from ops.terminal.working import show_working

_STAYS: Final = (
    "what stays: executions (90 days), log lines (as long as the logs are kept), metrics (15 months)"
    " and the alarms' history (30 days)"
)


def clean_up(stack: Stack, *, yes: bool) -> None:
    """Remove what probes left, and nothing else; again and again if one wishes.

    Raises:
        Refused: the person says no, or something has to stay for now.
    """
    with show_working(screen.err, "looking for what probes left"):
        found = find_leftovers(stack)
    for item_id in found.shared:
        screen.print_line(f"item {item_id} stays, and its orders: others use it too")
    if found:
        _show_leftovers(found)
        ask_person(f"Remove this from {stack.name}?", yes=yes)
        with show_working(screen.err, "removing"):
            left = list(remove_leftovers(stack, found))
        screen.print_note(_STAYS)
        if left:
            raise Refused("\n".join(["left for now; run it again in a minute", *left]))
        screen.print_line("removed all of it")
    elif not found.gap and not found.shared:
        screen.print_line(f"probes have left nothing in {stack.name}")
    if found.gap:
        raise Refused(found.gap)


def _show_leftovers(found: Leftovers) -> None:
    for what, names in (
        ("order", found.orders),
        ("item", found.items),
        ("dead letter", [f"{letter.short_id} of {letter.order_id}" for letter in found.letters]),
    ):
        for name in names:
            screen.print_line(f"{what} {name}")
