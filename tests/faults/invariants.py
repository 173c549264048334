"""What holds whatever goes wrong, as one check of what can be seen: tables, queues, mails and executions.

Any test that can fill a `World` can use it, whether its world is in memory or deployed.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from functions.shared.errors import InvalidOrder
from functions.shared.message import parse_order
from functions.shared.order import Order

ENDS = frozenset({"CONFIRMED", "REJECTED", "FAILED", "CANCELLED"})
# How far an attempt has come with an order. A status never goes back within an attempt, nor to an earlier attempt.
RANK = {"PROCESSING": 0, "CONFIRMED": 1, "REJECTED": 2, "FAILED": 2, "CANCELLED": 2}
ENDED_BADLY = frozenset({"FAILED", "TIMED_OUT", "ABORTED"})
# A mail's statuses, each with those that it may come from: forward only, for each claim.
_LEFT = ("SENT", "DELIVERED", "BOUNCED", "COMPLAINED")
MAIL_FROM: Mapping[str, Sequence[str]] = {
    "SENDING": (),
    "UNKNOWN": ("SENDING",),
    "PENDING": ("SENDING",),
    "REJECTED": ("SENDING", "UNKNOWN", "SENT"),
    **{status: ("SENDING", "UNKNOWN", *_LEFT[:place]) for place, status in enumerate(_LEFT)},
}
MAIL_LEFT = frozenset(_LEFT)

PUBLISH_AGAIN = "publish again"
ASK_THE_CUSTOMER = "ask the customer"
REDRIVE = "redrive the DLQ"
RESEND = "resend the mail"

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Execution:
    """An execution as Step Functions describes it."""

    name: str
    status: str
    input: str

    @property
    def order(self) -> Order:
        return Order.from_input(json.loads(self.input))

    @property
    def order_id(self) -> str:
        return str(json.loads(self.input)["order_id"])

    @property
    def attempt(self) -> int:
        return int(json.loads(self.input)["attempt"])


@dataclass(frozen=True)
class DeadLetter:
    """A message in the order DLQ; `reason` is its `error_type`, None where the queue itself moved it there."""

    body: str
    reason: str | None = None


@dataclass(kw_only=True)
class World:
    """All that can be seen of the system at rest.

    `initial` is the stock that was put in, `mailed` the order of each mail that left, `published` every message's
    body in its order, `unreleased` the names of executions whose release lies in the release DLQ, and `seen` the
    (attempt, status) of each order over time, where a test could watch it; `mail_seen` likewise each mail's
    (claim, status). `rejected` are the orders whose mail SES took and then kept, and `untold` the events of mails
    that lie in their DLQ.
    """

    initial: Mapping[str, int]
    available: Mapping[str, int]
    orders: Mapping[str, Row]
    mailed: Sequence[str]
    executions: Sequence[Execution]
    published: Sequence[str]
    queued: Sequence[str] = ()
    dead_letters: Sequence[DeadLetter] = ()
    unreleased: Sequence[str] = ()
    rejected: Sequence[str] = ()
    untold: Sequence[str] = ()
    seen: Mapping[str, Sequence[tuple[int, str]]] = field(default_factory=dict)
    mail_seen: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)

    def newest(self, order_id: str) -> Execution | None:
        """Give the order's execution with the highest attempt."""
        of_order = [execution for execution in self.executions if execution.order_id == order_id]
        return max(of_order, key=lambda execution: execution.attempt, default=None)

    def unreleased_of(self, order_id: str) -> Execution | None:
        """Give the order's newest execution if a dead letter says that its release has failed; else None."""
        newest = self.newest(order_id)
        return newest if newest and newest.name in self.unreleased else None


def check_invariants(world: World) -> None:
    """Check a system that was left to settle.

    Raises:
        AssertionError: with every invariant that is broken, not only the first.
    """
    broken = [*stock(world), *statuses(world), *mails(world), *messages(world), *executions(world)]
    assert not broken, "\n".join(["broken:", *broken, f"in {world}"])


def stock(world: World) -> list[str]:
    """Per item: initial = available + what CONFIRMED orders hold; nothing is below zero. Also true at every instant."""
    held: Counter[str] = Counter()
    for row in world.orders.values():
        if row.get("status") == "CONFIRMED":
            for line in row["items"]:
                held[line["item_id"]] += int(line["quantity"])
    broken = [
        f"{item}: {initial} pieces at first, {world.available[item]} left and {held[item]} held"
        for item, initial in world.initial.items()
        if initial != world.available[item] + held[item]
    ]
    broken += [f"{item}: held, but never in stock" for item in held.keys() - world.initial.keys()]
    return broken + [f"{item}: {left} left" for item, left in world.available.items() if left < 0]


def statuses(world: World) -> list[str]:
    """Every order is at an end, or its release waits for a person; no status ever went back."""
    broken = []
    for order_id, row in world.orders.items():
        if row.get("status") not in ENDS and not world.unreleased_of(order_id):
            broken.append(f"{order_id}: left {row.get('status')}")
        if row.get("email_status") not in {None, *MAIL_FROM}:
            broken.append(f"{order_id}: email_status {row['email_status']}")
    for order_id, seen in world.seen.items():
        steps = [(attempt, RANK[status]) for attempt, status in seen]
        if steps != sorted(steps) or _two_ends(seen):
            broken.append(f"{order_id}: a status went back: {seen}")
    for order_id, mail_seen in world.mail_seen.items():
        for (claim, status), (next_claim, next_status) in pairwise(mail_seen):
            if next_claim == claim and status not in MAIL_FROM[next_status]:
                broken.append(f"{order_id}: its mail went back: {mail_seen}")
    return broken


def mails(world: World) -> list[str]:
    """At most one mail an order, only for CONFIRMED; one that is missing shows on the row and as a failed execution.

    What SES itself rejects after it has taken it, no execution can show: the metric `MailsRefused` does.
    """
    broken = []
    for order_id, number in Counter(world.mailed).items():
        row = world.orders.get(order_id, {})
        if number > 1:
            broken.append(f"{order_id}: {number} mails")
        if row.get("status") not in ("CONFIRMED", "CANCELLED"):  # a person may cancel what was told to a customer
            broken.append(f"{order_id}: a mail, but {row.get('status')}")
    for order_id, row in world.orders.items():
        if row.get("status") != "CONFIRMED":
            continue
        if (mail := row.get("email_status")) in MAIL_LEFT:
            if order_id not in world.mailed:
                broken.append(f"{order_id}: {mail}, but no mail")
            continue
        if order_id in world.rejected and _was_kept(row):
            continue
        newest = world.newest(order_id)
        if newest is None or newest.status not in ENDED_BADLY:
            broken.append(f"{order_id}: mail {row.get('email_status')}, and no failed execution shows it")
    return broken


def messages(world: World) -> list[str]:
    """Every message is an order, a dead letter with its reason or an acknowledged duplicate, and nothing else is.

    An order may be no more than an execution whose release is a dead letter: that names it, and a person starts it.
    """
    broken = [f"still in the queue: {body}" for body in world.queued]
    broken += [f"an event of a mail that nobody read: {body}" for body in world.untold]
    accepted, refused = set(), {letter.body for letter in world.dead_letters if letter.reason}
    for body in world.published:
        order = _order(body)
        if order is not None and _is_row_of(world.orders.get(order.order_id), order):
            accepted.add(order.order_id)
            if body in refused:
                broken.append(f"both an order and a dead letter: {body}")
        elif body not in refused and not (order and _awaits_release(world, order)):
            broken.append(f"lost: {body}")
    broken += [f"dead letter without a reason: {x.body}" for x in world.dead_letters if not x.reason]
    broken += [f"dead letter that nobody published: {body}" for body in refused - set(world.published)]
    return broken + [f"order that nobody published: {order_id}" for order_id in world.orders.keys() - accepted]


def executions(world: World) -> list[str]:
    """An order's attempts follow each other: none is left out, and all but the newest ended badly."""
    broken = []
    by_order: dict[str, list[Execution]] = {}
    for execution in world.executions:
        by_order.setdefault(execution.order_id, []).append(execution)
    for order_id, attempts in by_order.items():
        attempts.sort(key=lambda execution: execution.attempt)
        if [execution.attempt for execution in attempts] != [*range(1, len(attempts) + 1)]:
            broken.append(f"{order_id}: attempts {[execution.attempt for execution in attempts]}")
        if any(execution.status not in ENDED_BADLY for execution in attempts[:-1]):
            broken.append(f"{order_id}: an attempt followed one that had not failed")
        if attempts[-1].status == "RUNNING":
            broken.append(f"{order_id}: still running")
        if order_id not in world.orders and not world.unreleased_of(order_id):
            broken.append(f"{order_id}: an execution, but no row")
    return broken


def open_acts(world: World) -> dict[str, str]:
    """What is left to a person: the one documented act, by the order's id."""
    orders = {execution.order_id for execution in world.executions}
    acts = dict.fromkeys(orders - world.orders.keys(), PUBLISH_AGAIN)
    for order_id, row in world.orders.items():
        mail = row.get("email_status")
        if row["status"] in ("PROCESSING", "FAILED"):
            acts[order_id] = PUBLISH_AGAIN
        elif row["status"] == "CONFIRMED" and mail not in MAIL_LEFT:
            if mail == "UNKNOWN":
                acts[order_id] = ASK_THE_CUSTOMER
            else:
                acts[order_id] = RESEND if _was_kept(row) else PUBLISH_AGAIN
    return acts


def _was_kept(row: Row) -> bool:
    """Tell whether SES took the order's mail and then rejected it."""
    return row.get("email_status") == "REJECTED" and "email_message_id" in row


def _awaits_release(world: World, order: Order) -> bool:
    """Tell whether this very order is an execution whose release lies in the DLQ, and that has left no row."""
    unreleased = world.unreleased_of(order.order_id)
    return unreleased is not None and order.order_id not in world.orders and unreleased.order == order


def _order(body: str) -> Order | None:
    try:
        return parse_order(body)
    except InvalidOrder:
        return None


def _is_row_of(row: Row | None, order: Order) -> bool:
    if row is None:
        return False
    lines = [(line["item_id"], int(line["quantity"])) for line in row.get("items", ())]
    return (row.get("customer_email"), lines) == (
        order.customer_email,
        [(line.item_id, line.quantity) for line in order.lines],
    )


def _two_ends(seen: Iterable[tuple[int, str]]) -> bool:
    """Tell whether an attempt ended in two ways, such as REJECTED and then FAILED."""
    ends = {(attempt, status) for attempt, status in seen if RANK[status] == RANK["FAILED"]}
    return len({attempt for attempt, _ in ends}) < len(ends)
