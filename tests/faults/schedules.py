"""The paths that an order can take, and how one is run with faults put in its way and then left to settle."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from functions.shared.message import parse_order
from tests.faults.invariants import ASK_THE_CUSTOMER, PUBLISH_AGAIN, RESEND, World, check_invariants, open_acts
from tests.faults.pipeline import Pipeline
from tests.faults.wire import Call, Kind
from tests.functions.builders import line, message
from tests.statemachine.machine import Fault, crash, lost

STOCK = {"item001": 5, "item002": 5}
CRASHES = [crash()] * 4  # a step's budget for crashes: its first try and three more

ORDER = message()
TOO_MUCH = message(items=[line("item001", 2), line("item002", 6)])
OTHER_CONTENT = message(items=[line("item001", 1)])
NO_ORDER = message(items=[line("item001", "two")])

SEND = Call("SendEmail", 1, 2, "sesv2.SendEmail")


@dataclass(frozen=True)
class Path:
    """What is published, batch by batch, what goes wrong on this path by its nature, and what SES tells of a mail."""

    batches: Sequence[Sequence[str]] = ((ORDER,),)
    faults: Mapping[str, Sequence[Fault]] = field(default_factory=dict)
    plan: Mapping[Call, Kind] = field(default_factory=dict)
    sender_verified: bool = True
    told: Sequence[str] = ("Email Sent", "Email Delivered")
    stopped_at: str | None = None  # the state at which a person stops the first execution


PATHS = {
    "happy": Path(),
    "happy, and SES's events are lost": Path(told=()),
    "out of stock": Path(batches=((TOO_MUCH,),)),
    "released": Path(faults={"ReserveInventory": CRASHES}),
    "released after a spent reservation": Path(faults={"ReserveInventory": [lost(), *CRASHES]}),
    "never opened": Path(faults={"UpdateOrder": CRASHES}),
    "the release fails": Path(faults={"ReserveInventory": [lost(), *CRASHES], "ReleaseInventory": CRASHES}),
    "the release fails with nothing held": Path(faults={"ReserveInventory": CRASHES, "ReleaseInventory": CRASHES}),
    "stopped before its mail": Path(stopped_at="SendConfirmation"),
    "the mail cannot run": Path(faults={"SendConfirmation": CRASHES}),
    "refused": Path(batches=((NO_ORDER,),)),
    "conflicting": Path(batches=((ORDER,), (OTHER_CONTENT,))),
    "duplicate": Path(batches=((ORDER,), (ORDER,))),
    "duplicate while it runs": Path(batches=((ORDER, ORDER),)),
    "a batch of all kinds": Path(batches=((NO_ORDER, ORDER, OTHER_CONTENT),)),
    "second attempt": Path(batches=((ORDER,), (ORDER,)), faults={"ReserveInventory": [lost(), *CRASHES]}),
    "mail refused": Path(sender_verified=False),
    "mail put off": Path(plan={SEND: Kind.THROTTLED}),
    "mail unknown": Path(plan={SEND: Kind.LOST}),
    "mail bounced, told out of order and twice": Path(
        told=("Email Bounced", "Email Sent", "Email Bounced", "Email Delivered")
    ),
    "mail complained of": Path(told=("Email Delivered", "Email Complaint Received", "Email Sent")),
    "mail rejected by SES itself": Path(told=("Email Rejected", "Email Sent")),
}


@dataclass(frozen=True)
class Seen:
    """What became of everything at one moment: each order's status and mail, and what lies in the order DLQ."""

    orders: Mapping[str, tuple[str, str | None]]
    mails: Mapping[str, int]
    dead_letters: frozenset[tuple[str, str | None]]
    acts: Mapping[str, str]

    @classmethod
    def of(cls, world: World) -> "Seen":
        return cls(
            {order_id: (row["status"], row.get("email_status")) for order_id, row in world.orders.items()},
            Counter(world.mailed),
            frozenset((letter.body, letter.reason) for letter in world.dead_letters),
            open_acts(world),
        )


@dataclass(frozen=True)
class Outcome:
    """A schedule that was run: how it settled without help, and how after the one act of a person."""

    settled: Seen
    final: Seen
    unseen: tuple[Call, ...]  # what was struck and left no trace
    calls: tuple[Call, ...]
    struck: tuple[Call, ...]
    moved: bool  # whether messages had to be redriven out of the DLQ


def run(pipeline: Pipeline, path: Path, plan: Mapping[Call, Kind]) -> Outcome:
    """Run a path under faults, let it settle, then do what is documented; the invariants hold at each rest."""
    pipeline.reset()
    if not path.sender_verified:
        pipeline.distrust_sender()
    pipeline.begin(STOCK, {**path.plan, **plan}, path.faults, path.told, path.stopped_at)
    for batch in path.batches:
        for body in batch:
            pipeline.publish(body)
        pipeline.work()
    calls, struck, unseen = tuple(pipeline.wire.calls), tuple(pipeline.wire.struck), pipeline.unseen
    world = pipeline.world()
    moved = bool(world.untold) or any(letter.reason is None for letter in world.dead_letters)
    pipeline.mend()
    pipeline.work()
    settled = _check(pipeline)
    final = settled
    if again := [order_id for order_id, act in settled.acts.items() if act == PUBLISH_AGAIN]:
        pipeline.trust_sender()
        for order_id in again:
            pipeline.publish(_accepted(pipeline.world(), order_id))
        pipeline.work()
        pipeline.drop_releases()
        final = _check(pipeline)
    pipeline.land_all()
    last = _check(pipeline)
    assert set(final.acts.values()) | set(last.acts.values()) <= {ASK_THE_CUSTOMER, RESEND}, (final, last)
    return Outcome(settled, last, unseen, calls, struck, moved)


def _check(pipeline: Pipeline) -> Seen:
    world = pipeline.world()
    check_invariants(world)
    return Seen.of(world)


def _accepted(world: World, order_id: str) -> str:
    """Find the message that became this order's executions: what `orders retry` publishes, also without a row."""
    newest = world.newest(order_id)
    assert newest
    return next(body for body in world.published if body != NO_ORDER and parse_order(body) == newest.order)
