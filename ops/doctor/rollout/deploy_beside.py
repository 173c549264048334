"""The deploy that a person starts beside a probe: whether it has begun, where it is, and how it ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from ops.doctor.aliases import Alias, Routing
from ops.doctor.patience import Patience
from ops.doctor.subject import Subject
from ops.shell import quote_command

# Of its calls, which a probe that uses it adds to its own.
ACTIONS: Final = ("cloudformation:DescribeStacks",)

_BEGINS: Final = 1800.0  # seconds: what a person takes to start it
_SHIFTS: Final = 2700.0  # the resources before the alias, and the shifts of others
_ENDS: Final = 2700.0
_EVERY: Final = 10.0


@dataclass(frozen=True)
class DeployState:
    """How the stack is."""

    status: str
    updated_at: datetime | None

    @property
    def is_running(self) -> bool:
        """Whether a deploy, or its rollback, is under way."""
        return self.status.endswith("_IN_PROGRESS")


def read_state(subject: Subject) -> DeployState:
    """Ask how the stack is."""
    found = subject.describe_stack()
    return DeployState(found["StackStatus"], found.get("LastUpdatedTime"))


def write_deploy(subject: Subject) -> str:
    """Give the command that starts a deploy whose every version is new, and gets its calls gradually."""
    shift = "" if subject.stage == "prod" else " -c shift=true"
    return quote_command("make deploy", f"STAGE={subject.stage}", f"CDK_ARGS=-c release=ANY-NEW-TEXT{shift}")


def wait_for_begin(subject: Subject, patience: Patience) -> bool:
    """Wait until a person has started it; whether they did."""
    begun = patience.wait_for(
        "the deploy to begin", lambda: read_state(subject).is_running or None, seconds=_BEGINS, every=_EVERY
    )
    return begun is not None


def wait_for_shifts(subject: Subject, patience: Patience, aliases: Sequence[Alias]) -> list[Routing | None]:
    """Watch until each alias has pointed to two versions, in any order; None for one that did not in this deploy."""
    seen: dict[str, Routing] = {}

    def look() -> Literal[True] | None:
        is_running = read_state(subject).is_running
        routings = {alias.name: alias.read_routing() for alias in aliases if alias.name not in seen}
        seen.update({name: routing for name, routing in routings.items() if len(routing) > 1})
        return None if is_running and len(seen) < len(aliases) else True

    names = " and ".join(alias.name for alias in aliases)
    patience.wait_for(f"{names} to be shifted", look, seconds=_SHIFTS, every=_EVERY)
    return [seen.get(alias.name) for alias in aliases]


def wait_for_end(subject: Subject, patience: Patience) -> str | None:
    """Wait until the deploy and its rollback are over; returns the stack's status, None if it takes too long."""

    def look() -> str | None:
        state = read_state(subject)
        return None if state.is_running else state.status

    return patience.wait_for("the deploy's end", look, seconds=_ENDS, every=_EVERY)
