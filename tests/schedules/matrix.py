"""The matrix: every call of every path × every kind of fault, alone and in pairs, on the schedules' engine.

Nothing here names a call: a new one is in the matrix as soon as a path makes it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product

from tests.schedules.cloud import Account
from tests.schedules.paths import (
    ASK_THE_CUSTOMER,
    PATHS,
    PUBLISH_AGAIN,
    RELEASER,
    RESEND,
    STARTER,
    TRACKER,
    Call,
    Kind,
    Outcome,
    run,
)

# The client asks again and gets its answer: nothing has happened that anybody would have to see.
MENDED_BY_THE_CLIENT = (Kind.LOST_ONCE, Kind.TWICE)

AS_EVER, REDRIVE, OTHER_FIRST = "=", "redrive", "other first"
ACTS = {PUBLISH_AGAIN: "again", ASK_THE_CUSTOMER: "ask", RESEND: "resend"}

# As an order meets them.
_ORDER = [
    STARTER,
    "UpdateOrder",
    "ReserveInventory",
    "RejectOrder",
    "SendEmail",
    TRACKER,
    "ReleaseInventory",
    RELEASER,
]


@dataclass(frozen=True)
class Schedule:
    """A path and the faults that are put in its way, in their order."""

    path: str
    faults: tuple[tuple[Call, Kind], ...]

    def __str__(self) -> str:
        return f"{self.path}: " + ", ".join(f"{kind.title} at {call}" for call, kind in self.faults)


@dataclass
class Matrix:
    """Runs schedules on one account; `problems` says what is wrong with the outcome of one."""

    account: Account
    _outcomes: dict[Schedule, Outcome | str] = field(default_factory=dict)

    def outcome(self, schedule: Schedule) -> Outcome | str:
        """Run a schedule, or remember it if it is no pair; a text if a promise is broken."""
        if schedule in self._outcomes:
            return self._outcomes[schedule]
        outcome: Outcome | str
        try:
            outcome = run(self.account, PATHS[schedule.path], dict(schedule.faults))
        except AssertionError as broken:
            outcome = str(broken)
        if len(schedule.faults) < 2:
            self._outcomes[schedule] = outcome
        return outcome

    def base(self, path: str) -> Outcome:
        """How a path goes without a fault beyond its own."""
        outcome = self.outcome(Schedule(path, ()))
        assert isinstance(outcome, Outcome), outcome
        return outcome

    def singles(self, path: str) -> Iterator[Schedule]:
        """Every call of a path with every kind."""
        for call, kind in product(self.base(path).calls, Kind):
            yield Schedule(path, ((call, kind),))

    def pairs(self, path: str, kinds: Sequence[Kind] = tuple(Kind)) -> Iterator[Schedule]:
        """Two calls of one path, the second as recorded after the first was struck: those of later tries too."""
        for first, one in product(self.base(path).calls, kinds):
            outcome = self.outcome(Schedule(path, ((first, one),)))
            if isinstance(outcome, Outcome):  # else reported as a single fault
                for second, two in product(outcome.calls[outcome.calls.index(first) + 1 :], kinds):
                    yield Schedule(path, ((first, one), (second, two)))

    def problems(self, schedule: Schedule) -> str | None:
        """Say what is wrong: a promise, a fault that did not happen, one that left no trace, another end."""
        outcome, base = self.outcome(schedule), self.base(schedule.path)
        if isinstance(outcome, str):
            return f"{schedule}: {outcome}"
        planned = dict(schedule.faults)
        if not planned.keys() <= {*outcome.struck}:
            return f"{schedule}: never happened"
        unseen = [call for call in outcome.unseen if planned.get(call) not in MENDED_BY_THE_CLIENT]
        if unseen or (outcome.unseen and len(planned) == 1 and outcome.settled != base.settled):
            return f"{schedule}: no trace of {[str(call) for call in outcome.unseen]}"
        ends = {order_id: status for order_id, (status, _) in outcome.final.orders.items()}
        if ends != {order_id: status for order_id, (status, _) in base.final.orders.items()}:
            return f"{schedule}: ends otherwise: {ends}"
        return None

    def cell(self, schedule: Schedule) -> str:
        """What became of it, against the path without the fault, in one word."""
        outcome, base = self.outcome(schedule), self.base(schedule.path)
        if isinstance(outcome, str):
            return "BROKEN"
        words = [REDRIVE] if outcome.moved else []
        for order_id, act in outcome.settled.acts.items():
            if outcome.settled.orders.get(order_id) != base.settled.orders.get(order_id):
                words.append(ACTS[act])
        if outcome.settled.dead_letters != base.settled.dead_letters:
            words.append(OTHER_FIRST)
        return " + ".join(words) or AS_EVER

    def cells(self) -> dict[str, dict[Kind, set[str]]]:
        """What each kind at each call, by its name for a reader, has led to on all paths."""
        cells: dict[str, dict[Kind, set[str]]] = {}
        for schedule in (schedule for path in PATHS for schedule in self.singles(path)):
            ((call, kind),) = schedule.faults
            cells.setdefault(label(call), {}).setdefault(kind, set()).add(self.cell(schedule))
        return cells

    def table(self) -> list[str]:
        """Give the table of single faults in Markdown: a row a call, a column a kind, cells from all paths."""
        rows = [
            [name, *("; ".join(sorted(row[kind], key=lambda cell: (len(cell), cell))) for kind in Kind)]
            for name, row in sorted(self.cells().items(), key=lambda entry: _ORDER.index(entry[0].split(" ")[0]))
        ]
        head = ["call", *(kind.title for kind in Kind)]
        return ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]


def label(call: Call) -> str:
    """Name a call for a reader: what reads a queue makes the same ones for each message, a step each in its place."""
    by_message = call.function in (STARTER, TRACKER)
    return f"{call.function} {call.operation}" if by_message else f"{call.function} {call.number}: {call.operation}"
