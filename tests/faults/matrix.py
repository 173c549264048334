"""The matrix: every recorded call of every path × every kind of fault, each schedule run once and remembered.

Nothing here names a call: a new one is in the matrix as soon as a path makes it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle, product

from tests.faults.invariants import ASK_THE_CUSTOMER, PUBLISH_AGAIN, RESEND
from tests.faults.pipeline import STARTER, TRACKER, Pipeline
from tests.faults.schedules import PATHS, Outcome, run
from tests.faults.wire import DANGEROUS, Call, Kind

# The kinds tried in pairs when there is time for all of them: the others end like one of these.
IN_PAIRS = (*DANGEROUS, Kind.LATE_END, Kind.DENIED_ON)

AS_EVER, REDRIVE, OTHER_FIRST = "=", "redrive", "other first"
ACTS = {PUBLISH_AGAIN: "again", ASK_THE_CUSTOMER: "ask", RESEND: "resend"}


@dataclass(frozen=True)
class Schedule:
    """A path and the faults that are put in its way, in their order."""

    path: str
    faults: tuple[tuple[Call, Kind], ...]

    def __str__(self) -> str:
        return f"{self.path}: " + ", ".join(f"{kind.value} at {call}" for call, kind in self.faults)


@dataclass
class Matrix:
    """Runs schedules on one pipeline; `problems` says what is wrong with the outcome of one."""

    pipeline: Pipeline
    _outcomes: dict[Schedule, Outcome | str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return len(self._outcomes)

    def outcome(self, schedule: Schedule) -> Outcome | str:
        """Run a schedule, or remember it; a text if an invariant is broken."""
        if schedule not in self._outcomes:
            try:
                self._outcomes[schedule] = run(self.pipeline, PATHS[schedule.path], dict(schedule.faults))
            except AssertionError as broken:
                self._outcomes[schedule] = str(broken)
        return self._outcomes[schedule]

    def base(self, path: str) -> Outcome:
        """How a path goes without a fault beyond its own."""
        outcome = self.outcome(Schedule(path, ()))
        assert isinstance(outcome, Outcome), outcome
        return outcome

    def singles(self, path: str, *, every: bool) -> Iterator[Schedule]:
        """Every call of a path with every kind; without `every`, less where an earlier path came to it the same way."""
        known = {way for name in PATHS if _before(name, path) for way in self._ways(name)}
        calls = self.base(path).calls
        for call, way in zip(calls, self._ways(path), strict=True):
            for kind in DANGEROUS if way in known and not every else Kind:
                yield Schedule(path, ((call, kind),))
            known.add(way)

    def _ways(self, path: str) -> list[tuple[str, ...]]:
        """How each call of a path is come to: itself and the two before it, and whether SES tells of the mail."""
        told = [str(bool(PATHS[path].told))]
        labels = [label(call) for call in self.base(path).calls]
        return [tuple(told + labels[max(0, number - 2) : number + 1]) for number in range(len(labels))]

    def pairs(self, *, every: bool) -> Iterator[Schedule]:
        """Two writes of one schedule, the second as recorded after the first was struck.

        Without `every`, each two distinct writes once, with the combinations of the dangerous kinds in turn.
        """
        done, turn = set(), cycle(product(DANGEROUS, DANGEROUS))
        for path in PATHS:
            for first in filter(_writes, self.base(path).calls):
                if every:
                    for one, two in product(IN_PAIRS, IN_PAIRS):
                        for second in self._after(path, first, one):
                            yield Schedule(path, ((first, one), (second, two)))
                    continue
                for second in self._after(path, first, DANGEROUS[0]):
                    if (labels := (label(first), label(second))) not in done:
                        done.add(labels)
                        one, two = next(turn)
                        yield Schedule(path, ((first, one), (second, two)))

    def _after(self, path: str, first: Call, kind: Kind) -> list[Call]:
        """Which writes follow a call that was struck, those of later tries and attempts too."""
        outcome = self.outcome(Schedule(path, ((first, kind),)))
        if isinstance(outcome, str):
            return []  # told of as a single fault
        return [call for call in outcome.calls[outcome.calls.index(first) + 1 :] if call.writes]

    def problems(self, schedule: Schedule) -> str | None:
        """Say what is wrong: an invariant, a fault that did not happen, one that left no trace, another end."""
        outcome, base = self.outcome(schedule), self.base(schedule.path)
        if isinstance(outcome, str):
            return f"{schedule}: {outcome}"
        if schedule.faults[0][0] not in outcome.struck:
            return f"{schedule}: never happened"
        # A fault that the client's own second try mends changes nothing; whatever does must be seen by a person.
        mended = all(kind is Kind.LOST_ONCE for _, kind in schedule.faults) and outcome.settled == base.settled
        if outcome.unseen and not mended:
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

    def table(self) -> list[str]:
        """Give the table of single faults in Markdown: a row a call, a column a kind, cells from all paths."""
        cells: dict[str, dict[Kind, set[str]]] = {}
        for path in PATHS:
            for schedule in self.singles(path, every=False):
                ((call, kind),) = schedule.faults
                cells.setdefault(label(call), {}).setdefault(kind, set()).add(self.cell(schedule))
        head = ["call", *(kind.value for kind in Kind)]
        rows = [
            [name, *("; ".join(sorted(row.get(kind, {"–"}), key=_length)) for kind in Kind)]
            for name, row in sorted(cells.items(), key=lambda entry: _ORDER.index(entry[0].split(" ")[0]))
        ]
        return ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]


# As an order meets them.
_ORDER = [
    STARTER,
    "UpdateOrder",
    "ReserveInventory",
    "RejectOrder",
    "SendEmail",
    TRACKER,
    "ReleaseInventory",
    "ReleaseAbandoned",
]


def label(call: Call) -> str:
    """Name a call for a reader: what reads a queue makes the same ones for each message, a step each in its place."""
    operation = call.operation.split(".")[1]
    by_message = call.function in (STARTER, TRACKER)
    return f"{call.function} {operation}" if by_message else f"{call.function} {call.number}: {operation}"


def _before(path: str, other: str) -> bool:
    return list(PATHS).index(path) < list(PATHS).index(other)


def _writes(call: Call) -> bool:
    return call.writes


def _length(cell: str) -> tuple[int, str]:
    return len(cell), cell
