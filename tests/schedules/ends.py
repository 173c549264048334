"""Every end of an execution × every state of its order's row: what the release makes of it, and what follows.

Each cell is run: the row is laid out, the execution ended where it stands, EventBridge's event delivered, and then the
order published again, or the execution redriven. Which cells there are say `SAME` and `EARLIER`; the random schedules
check them against every end that they come to.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from functions.shared.execution_name import execution_name
from functions.shared.row import MAIL_FOLLOWED_BY, MAIL_LEFT
from tests.functions.builders import ORDER, message
from tests.functions.cloud import INVENTORY, ORDERS
from tests.schedules.cloud import Account, Cloud
from tests.schedules.interpreter import FAILED, SUCCEEDED, UNCATCHABLE, Execution
from tests.schedules.ledger import attempt, available, email, status
from tests.schedules.world import World

TASKS: Final = ("UpdateOrder", "ReserveInventory", "RejectOrder", "SendConfirmation", "ReleaseInventory")
STOPPED: Final = ("ABORTED", "TIMED_OUT")
NO_ROW: Final = "no row"
STATUSES: Final = (NO_ROW, "PROCESSING", "CONFIRMED", "REJECTED", "FAILED", "CANCELLED")
MAILS: Final = (*MAIL_FOLLOWED_BY,)

IN_STOCK: Final = 5
HELD: Final = {line.item_id: line.quantity for line in ORDER.lines}

# What fails an execution where it stands: no Catch of the mail or the release names these, and only these two have no
# Catch for everything else.
CANNOT_RUN: Final = ("AccessDeniedException", "Runtime.ImportModuleError", "TransientError", "Lambda.Unknown")
ERRORS: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(TASKS, UNCATCHABLE),
    "ReleaseInventory": (*CANNOT_RUN, *UNCATCHABLE),
    "SendConfirmation": ("EmailRejected", "EmailOutcomeUnknown", *CANNOT_RUN, *UNCATCHABLE),
}


@dataclass(frozen=True, order=True)
class End:
    """How an execution ended, and in which state."""

    status: str
    state: str

    @property
    def stopped(self) -> bool:
        return self.status in STOPPED

    def __str__(self) -> str:
        return f"{self.status} at {self.state}"


@dataclass(frozen=True)
class Found:
    """The row as an execution leaves it. `age` is how far the row's attempt is from the execution's."""

    status: str
    mail: str | None = None
    age: int = 0

    @classmethod
    def of(cls, row: Any, execution_attempt: int) -> "Found":
        if row is None:
            return cls(NO_ROW)
        return cls(status(row) or "", email(row), min(1, max(-1, attempt(row) - execution_attempt)))

    def __str__(self) -> str:
        of = {0: "", -1: " by an earlier attempt", 1: " by a later attempt"}[self.age]
        return f"{self.status}{f', mail {self.mail}' if self.mail else ''}{of}"


MAILED: Final = End(SUCCEEDED, "SendConfirmation")
ENDS: Final = [
    *(End(SUCCEEDED, state) for state in ("SendConfirmation", "OrderRejected", "OrderAlreadyClosed")),
    *(End(FAILED, state) for state in (*TASKS, "OrderFailed")),
    *(End(how, state) for how in STOPPED for state in TASKS),
]
ROWS: Final = [
    Found(name, mail, age)
    for age in (0, -1, 1)
    for name in STATUSES
    for mail in (MAILS if name == "CONFIRMED" else (None,))
    if age == 0 or name != NO_ROW
]

# ----------------------------------------------------------------------------------------------- which cells there are

_CLOSED: Final = {"REJECTED", "FAILED", "CANCELLED"}
# The statuses that a row of this attempt may have when its execution ends there, and why it has none of the others.
SAME: Final[Mapping[str, tuple[set[str], str]]] = {
    "UpdateOrder": ({NO_ROW, "PROCESSING", "FAILED", "CANCELLED"}, "no later step of this attempt has run"),
    "ReserveInventory": (
        {"PROCESSING", "CONFIRMED", "FAILED", "CANCELLED"},
        "UpdateOrder has written a row, RejectOrder has not run",
    ),
    "RejectOrder": ({"PROCESSING", "CONFIRMED", *_CLOSED}, "UpdateOrder has written a row"),
    "SendConfirmation": (
        {"CONFIRMED", "FAILED", "CANCELLED"},
        "only a confirmed order comes here, and is then only failed or cancelled",
    ),
    "ReleaseInventory": (set(STATUSES), ""),
    "OrderFailed": (_CLOSED, "the release before it closes what is open; what it must not give back goes to its mail"),
    "OrderRejected": ({"REJECTED"}, "RejectOrder has written it, and nothing follows REJECTED"),
    "OrderAlreadyClosed": ({"REJECTED", "CANCELLED"}, "these two lead here, and nothing follows them"),
}
# Likewise a row of an earlier attempt; from ReserveInventory on it is UpdateOrder's of this one.
EARLIER: Final[Mapping[str, set[str]]] = {
    "UpdateOrder": set(STATUSES),
    "SendConfirmation": {"CONFIRMED", "FAILED", "CANCELLED"},
    "ReleaseInventory": set(STATUSES),
    "OrderFailed": _CLOSED,
    "OrderAlreadyClosed": {"REJECTED", "CANCELLED"},
}
MAIL_DONE: Final = "a mail that has left, which SES may reject later"


def possible(end: End, found: Found) -> bool:
    """Tell whether an execution can have ended so while the row is so."""
    if end == MAILED:
        return found.status == "CONFIRMED" and found.mail in {*MAIL_LEFT, "REJECTED"}
    if found.age == 0:
        return found.status in SAME[end.state][0]
    if found.age < 0:
        return found.status in EARLIER.get(end.state, set())
    # A later attempt starts once this execution has ended badly: it was redriven, and so may stand anywhere.
    return end.state != "OrderRejected" and (end.status != SUCCEEDED or found.status in SAME[end.state][0])


# ----------------------------------------------------------------------------------------------- how a cell is run


@dataclass(frozen=True)
class State:
    """An order's status and mail, how many of its mails left in this run, and what is held of its items."""

    status: str
    mail: str | None
    mails: int
    held: bool


class Case:
    """One cell: an order laid out, and its execution ended; what comes then is the test's."""

    def __init__(self, account: Account, end: End, found: Found, error: str | None = None) -> None:
        self.cloud = account.cloud = Cloud(most_retries=0)
        self.world = World(self.cloud)
        self.name = execution_name(ORDER.order_id, 2 if found.age < 0 else 1)
        self._lay_out_executions(found)
        self._lay_out_row(found)
        self._end(end, error)

    def release(self) -> State:
        """Deliver EventBridge's event, if the execution has one, and nothing else."""
        for _ in [*self.world.events]:
            self.world.deliver(0)
            while self.world.under_way:
                self.world.step(self.world.under_way[0])
        return self.state()

    def settle(self) -> State:
        self.world.settle()
        return self.state()

    def publish_again(self) -> State:
        self.world.publish(message())
        return self.settle()

    def redrive(self) -> State:
        self.world.redrive(self.name)
        return self.settle()

    def state(self) -> State:
        rows = self.cloud.dynamodb.rows
        self.cloud.ledger.check(rows)
        row = rows[ORDERS].get(ORDER.order_id)
        held = {item: IN_STOCK - available(stock) for item, stock in rows[INVENTORY].items()}
        assert held in (HELD, dict.fromkeys(HELD, 0)), f"half an order is held: {held}"
        return State(status(row) or NO_ROW, email(row), len(self.cloud.mails), held == HELD)

    def _lay_out_executions(self, found: Found) -> None:
        """This execution and those before it; the later attempt, if the row is its own, is at its work."""
        at_work = {"PROCESSING": "ReserveInventory", "CONFIRMED": "SendConfirmation", "FAILED": "OrderFailed"}
        for number in range(1, 2 + abs(found.age)):
            name = execution_name(ORDER.order_id, number)
            start = datetime(2026, 1, 1, tzinfo=UTC)
            self.cloud.executions[name] = Execution(name, ORDER.to_input(number), start, most_retries=0)
            if found.age < 0 and number == 1:
                self.cloud.executions[name].stand_at("OrderFailed")
            elif found.age > 0 and number > 1:
                self.cloud.executions[name].stand_at(at_work.get(found.status, "OrderAlreadyClosed"))

    def _lay_out_row(self, found: Found) -> None:
        ledger, held = self.cloud.ledger, found.status == "CONFIRMED"
        for item, quantity in HELD.items():
            self.cloud.restock(item, IN_STOCK - quantity * held)
            ledger.supply[item] = IN_STOCK
        if held:
            ledger.confirmed_once.add(ORDER.order_id)
            ledger.mails[ORDER.order_id] = int(found.mail in MAIL_LEFT)
        if found.status != NO_ROW:
            self.cloud.dynamodb.put(ORDERS, _row(found, 1 if found.age <= 0 else 2))

    def _end(self, end: End, error: str | None) -> None:
        self.world.stand_at(self.name, end.state)
        if end.stopped:
            self.world.stop(self.name, end.status)
        elif end == MAILED:
            self.cloud.executions[self.name].succeed()
        elif error:
            self.world.refuse(self.name, error)
        assert self.cloud.executions[self.name].status == end.status


def _row(found: Found, number: int) -> dict[str, Any]:
    row: dict[str, Any] = {
        "order_id": {"S": ORDER.order_id},
        "status": {"S": found.status},
        "attempt": {"N": str(number)},
        "customer_email": {"S": ORDER.customer_email},
        "items": {
            "L": [{"M": {"item_id": {"S": item}, "quantity": {"N": str(quantity)}}} for item, quantity in HELD.items()]
        },
        "created_at": {"S": "2026-01-01T00:00:00.000+00:00"},
    }
    mail = {"email_status": {"S": found.mail}, "email_claim": {"S": "earlier"}} if found.mail else {}
    return row | mail
