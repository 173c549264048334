"""The paths that an order can take, and how one is run with faults put at its AWS calls and then left to settle.

One thing happens at a time and in one order, so that a run is its plan of faults and nothing else: an execution runs to
its end before anything else happens.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import partial

from functions.shared.message import parse_order
from functions.shared.order import Order
from functions.shared.row import MAIL_LEFT
from tests.functions.builders import CUSTOMER, line, message
from tests.functions.cloud import ORDERS
from tests.schedules.cloud import Account, Cloud, Fate
from tests.schedules.interpreter import Execution
from tests.schedules.invocations import Invocation, Killed, Reply, Request
from tests.schedules.ledger import Ledger, attempt, email, status, was_kept
from tests.schedules.promises import assert_finished, assert_settled
from tests.schedules.world import FOR_EVER, Work, World

STARTER, RELEASER, TRACKER = "StartWorkflow", "ReleaseAbandoned", "TrackEmail"
RELEASES = ("ReleaseInventory", RELEASER)
# What these write counts for their own attempt alone.
STEPS_OF_AN_ATTEMPT = ("UpdateOrder", "ReserveInventory", "RejectOrder", *RELEASES)
PUBLISH_AGAIN, ASK_THE_CUSTOMER, RESEND = "publish again", "ask the customer", "resend the mail"

# What a dashboard, an alarm or a search for warnings shows; the other metrics count the ordinary course of business.
TROUBLE = ("StepsRetried", "OrdersFailed", "OrdersRefused", "MailsRefused", "MailsUnknown")


class Kind(Enum):
    """What can happen to a call. Each try of it has its own fate, and every further one the last."""

    DENIED = "denied", Fate.DENIED
    INVALID = "invalid", Fate.INVALID
    THROTTLED = "throttled", Fate.THROTTLED
    UNREACHABLE = "never arrives", Fate.UNREACHABLE
    LOST_ONCE = "done, an answer lost", Fate.LOST, Fate.DONE
    LOST = "done, all answers lost", Fate.LOST
    TWICE = "late, but done at the second try", Fate.DELAYED, Fate.DONE
    KILLED_BEFORE = "killed before it", Fate.DIES
    KILLED = "done, then killed", Fate.DONE_DIES
    LATE_RETRY = "late, after the retry", Fate.DELAYED_DIES
    LATE_RELEASE = "late, after the release", Fate.DELAYED_DIES
    LATE_NEXT = "late, in the next attempt", Fate.DELAYED_DIES
    LATE_END = "late, at the very end", Fate.DELAYED_DIES
    DENIED_ON = "denied until fixed", Fate.DENIED
    CANNOT_START = "killed, cannot start until fixed", Fate.DIES

    def __init__(self, title: str, *fates: Fate) -> None:
        self.title = title
        self.fates = fates


# The function does not run again, so that its step's budget is spent: until the call has landed, or all is fixed.
BLOCKING = (Kind.LATE_RELEASE, Kind.LATE_NEXT, Kind.CANNOT_START)


@dataclass(frozen=True, order=True)
class Call:
    """One AWS call: of which function, in which of its invocations, and which call there, each counted from 1."""

    function: str
    invocation: int
    number: int
    operation: str

    @classmethod
    def of(cls, function: str, invocation: int, number: int, request: Request) -> "Call":
        return cls(function, invocation, number, re.sub(r"(?:^|_)(.)", lambda m: m[1].upper(), request.operation))

    def __str__(self) -> str:
        return f"{self.function}[{self.invocation}] {self.number} {self.operation}"


# What fails a step where no AWS call does: it crashes, or it is done and nobody hears of it.
CRASH, UNHEARD = "crash", "unheard"
CRASHES = (CRASH,) * 4  # a step's budget for crashes: its first try and three more
MOST_RETRIES = len(CRASHES) - 1

STOCK = {"item001": 5, "item002": 5}
ORDER = message()
TOO_MUCH = message(items=[line("item001", 2), line("item002", 6)])
OTHER_CONTENT = message(items=[line("item001", 1)])
NO_ORDER = message(items="none")

SEND = Call("SendEmail", 1, 2, "SendEmail")


@dataclass(frozen=True)
class Path:
    """What is published, batch by batch, what goes wrong on this path by its nature, and what SES tells of a mail.

    `steps` are the failures of the first execution's tries, by the state.
    """

    batches: Sequence[Sequence[str]] = ((ORDER,),)
    steps: Mapping[str, Sequence[str]] = field(default_factory=dict)
    plan: Mapping[Call, Kind] = field(default_factory=dict)
    customer_verified: bool = True
    told: Sequence[str] = ("Email Sent", "Email Delivered")
    stopped_at: str | None = None  # the state at which a person stops the first execution


PATHS = {
    "happy": Path(),
    "happy, and SES's events are lost": Path(told=()),
    "out of stock": Path(batches=((TOO_MUCH,),)),
    "released": Path(steps={"ReserveInventory": CRASHES}),
    "released after a spent reservation": Path(steps={"ReserveInventory": (UNHEARD, *CRASHES)}),
    "never opened": Path(steps={"UpdateOrder": CRASHES}),
    "the release fails": Path(steps={"ReserveInventory": (UNHEARD, *CRASHES), "ReleaseInventory": CRASHES}),
    "the release fails with nothing held": Path(steps={"ReserveInventory": CRASHES, "ReleaseInventory": CRASHES}),
    "stopped before its mail": Path(stopped_at="SendConfirmation"),
    "the mail cannot run": Path(steps={"SendConfirmation": CRASHES}),
    "refused": Path(batches=((NO_ORDER,),)),
    "conflicting": Path(batches=((ORDER,), (OTHER_CONTENT,))),
    "duplicate": Path(batches=((ORDER,), (ORDER,))),
    "duplicate while it runs": Path(batches=((ORDER, ORDER),)),
    "a batch of all kinds": Path(batches=((NO_ORDER, ORDER, OTHER_CONTENT),)),
    "second attempt": Path(batches=((ORDER,), (ORDER,)), steps={"ReserveInventory": (UNHEARD, *CRASHES)}),
    "mail refused": Path(customer_verified=False),
    "mail put off": Path(plan={SEND: Kind.THROTTLED}),
    "mail unknown": Path(plan={SEND: Kind.LOST}),
    "mail bounced, told out of order and twice": Path(
        told=("Email Bounced", "Email Sent", "Email Bounced", "Email Delivered")
    ),
    "mail complained of": Path(told=("Email Delivered", "Email Complaint Received", "Email Sent")),
    "mail refused twice, then rejected by SES itself": Path(
        batches=((ORDER,), (ORDER,)), customer_verified=False, told=("Email Rejected", "Email Sent")
    ),
    "mail rejected by SES itself": Path(told=("Email Rejected", "Email Sent")),
}


@dataclass(frozen=True)
class Seen:
    """What became of everything at one moment: each order's status and mail, and what lies in the order DLQ."""

    orders: Mapping[str, tuple[str | None, str | None]]
    mails: Mapping[str, int]
    dead_letters: frozenset[tuple[str, str | None]]
    acts: Mapping[str, str]  # what is left to a person, by the order's id

    @classmethod
    def of(cls, cloud: Cloud) -> "Seen":
        rows = cloud.dynamodb.rows[ORDERS]
        return cls(
            {order_id: (status(row), email(row)) for order_id, row in rows.items()},
            dict(cloud.ledger.mails),
            frozenset((letter.body, letter.reason) for letter in cloud.dead_letters),
            dict(open_acts(cloud)),
        )


def open_acts(cloud: Cloud) -> Iterator[tuple[str, str]]:
    """Give the one documented act that each unfinished order is left to a person with."""
    rows = cloud.dynamodb.rows[ORDERS]
    for order_id in dict.fromkeys([*rows, *(execution.order["order_id"] for execution in cloud.executions.values())]):
        row = rows.get(order_id)
        if status(row) in (None, "PROCESSING", "FAILED"):
            yield order_id, PUBLISH_AGAIN
        elif status(row) == "CONFIRMED" and email(row) not in MAIL_LEFT:
            by_hand = RESEND if was_kept(row) else PUBLISH_AGAIN
            yield order_id, ASK_THE_CUSTOMER if email(row) == "UNKNOWN" else by_hand


@dataclass(frozen=True)
class Outcome:
    """A path that was run: how it settled without help, and how after the one act of a person."""

    settled: Seen
    final: Seen
    unseen: tuple[Call, ...]  # what was struck and left no trace
    calls: tuple[Call, ...]
    struck: tuple[Call, ...]
    moved: bool  # whether messages had to be redriven out of a DLQ


def run(account: Account, path: Path, plan: Mapping[Call, Kind]) -> Outcome:
    """Run a path under faults, let it settle, then do what is documented; the promises hold at each rest."""
    course = Course(account, path, plan)
    for batch in path.batches:
        course.publish(*batch)
    calls, struck, unseen = tuple(course.calls), tuple(course.struck), tuple(course.unseen)
    moved = bool(course.world.untold or course.letters_without_reason)
    course.fix()
    settled = course.look()
    if again := [order_id for order_id, act in settled.acts.items() if act == PUBLISH_AGAIN]:
        course.publish_again(again)
    course.look()
    course.land_all()
    final = course.look()
    assert set(final.acts.values()) <= {ASK_THE_CUSTOMER, RESEND}, final
    course.resend(*final.acts)
    assert_finished(course.world)
    return Outcome(settled, final, unseen, calls, struck, moved)


@dataclass(frozen=True)
class Late:
    """A request that takes effect when nobody waits for it any longer."""

    call: Call
    kind: Kind
    request: Request
    attempt: int  # of its order at that moment

    @property
    def at_the_end(self) -> bool:
        return self.kind in (Kind.LATE_NEXT, Kind.LATE_END, Kind.TWICE)


class Course:
    """One path on one world; the planned faults strike at their calls."""

    def __init__(self, account: Account, path: Path, plan: Mapping[Call, Kind]) -> None:
        unverified = set() if path.customer_verified else {CUSTOMER}
        self.cloud = account.cloud = Cloud(MOST_RETRIES, Ledger(operator=True), unverified=unverified)
        self.world = World(self.cloud, drive=self._drive)
        self.calls: list[Call] = []
        self.struck: list[Call] = []
        self.unseen: list[Call] = []
        self._plan = {**path.plan, **plan}
        self._steps = {state: list(failures) for state, failures in path.steps.items()}
        self._told = path.told
        self._stopped_at = path.stopped_at
        self._late: list[Late] = []
        self._blocked: set[str] = set()
        self._invocations: Counter[str] = Counter()
        self._failed_tries = self._mails_told = 0
        self._may_give_back = False
        # Of the invocation under way: whose it is, whether anybody waits for it, and the call it has come to.
        self._function, self._unheard = "", False
        self._number, self._tries, self._token = 0, 0, ""
        self._kind: Kind | None = None
        for item, pieces in STOCK.items():
            self.cloud.restock(item, pieces)

    # ------------------------------------------------------------------------------------------------ from outside

    def publish(self, *bodies: str) -> None:
        """Publish one batch, and let everything run until nothing is left to do."""
        for body in bodies:
            self.world.publish(body)
        self._work()

    def fix(self) -> None:
        """Turn all faults off, and do what needs no thought: messages without a reason go back to their queues."""
        self._plan.clear()
        self._steps.clear()
        self._blocked.clear()
        self._stopped_at = None
        self.world.redrive_dead_letters()
        self._work()

    def publish_again(self, order_ids: Sequence[str]) -> None:
        """Publish orders anew, as `orders retry` does, and drop the dead letters of their releases."""
        self.cloud.unverified.clear()
        self.publish(*map(self._accepted, order_ids))
        self.world.unreleased.clear()

    def resend(self, *order_ids: str) -> None:
        """Ask the customers, and have the mails sent that they have not got; SES keeps none of these."""
        self._told = ()
        self.cloud.unverified.clear()
        for order_id in order_ids:
            self._invoke("a person", partial(self.world.resend, order_id, asked=True))
        self._work()

    def land_all(self) -> None:
        """Let every request that is still under way reach AWS, at the very end."""
        for late in [*self._late]:
            self._land(late)
        self._work()

    def look(self) -> Seen:
        assert_settled(self.world)
        return Seen.of(self.cloud)

    @property
    def letters_without_reason(self) -> int:
        return sum(letter.reason is None for letter in self.cloud.dead_letters)

    # ------------------------------------------------------------------------------------------------ what moves

    def _work(self) -> None:
        for _ in range(FOR_EVER):
            if not self._move():
                return
        raise AssertionError("what is left goes round in circles")

    def _move(self) -> bool:
        world = self.world
        if waiting := world.waiting():
            self._execute(self.cloud.executions[waiting[0]])
        elif world.events:
            self._may_give_back = world.events[0].event["detail"]["status"] != "FAILED"
            self._invoke(RELEASER, lambda: world.deliver(0))
        elif world.queue:
            self._invoke(STARTER, lambda: world.receive(10))
        elif world.mail_queue:
            self._invoke(TRACKER, lambda: world.track(10))
        else:
            return self._land_due(lambda late: not late.at_the_end)
        return True

    def _execute(self, execution: Execution) -> None:
        """Let an execution take its next step."""
        function = execution.call().function
        first = execution is next(iter(self.cloud.executions.values()))
        failures = self._steps.get(execution.state, []) if first else []
        failure = failures.pop(0) if failures else None
        if execution.state == self._stopped_at:
            self._stopped_at = None
            self.world.stop(execution.name, "ABORTED")
        elif failure == CRASH or function in self._blocked:
            self._failed_tries += 1
            self.world.refuse(execution.name, "RuntimeError" if failure else "Runtime.ImportModuleError")
        else:
            self._invoke(function, lambda: self.world.begin(execution.name), unheard=failure == UNHEARD)

    def _invoke(self, function: str, start: Callable[[], Work | None], *, unheard: bool = False) -> None:
        """Run an invocation to its end, and note whether what struck it left a trace."""
        struck, traces = len(self.struck), self._traces()
        self._function, self._unheard, self._number, self._token = function, unheard, 0, ""
        self._invocations[function] += function not in self._blocked
        start()
        if self._traces() == traces:
            self.unseen += self.struck[struck:]

    def _drive(self, invocation: Invocation) -> None:
        """Run an invocation; see `World.drive`."""
        function = self._function
        if function in self._blocked:
            invocation.run(lambda _request: Reply(error=Killed()))
            return
        invocation.run(self._answer)
        if invocation.killed and self._kind in BLOCKING:
            self._blocked.add(function)
        if not invocation.killed:
            done = invocation.error is None
            self._land_due(lambda late: _lands_after(late, function, done=done))
        invocation.killed |= self._unheard
        self._failed_tries += bool(invocation.killed or invocation.error)

    def _answer(self, request: Request) -> Reply:
        """Let one try of a call have its fate."""
        if request.token != self._token:  # not another try of the same call
            self._token, self._number, self._tries = request.token, self._number + 1, 0
            self._kind = self._note(request)
        fates = self._kind.fates if self._kind else (Fate.DONE,)
        fate = fates[min(self._tries, len(fates) - 1)]
        self._tries += 1
        given_back = self._given_back
        reply = self.cloud.reply(request, fate)
        if self._function == RELEASER and not self._may_give_back:
            assert given_back == self._given_back, "a mail that cannot be sent has cancelled an order"
        if self._kind and fate.later:
            attempts = map(attempt, self.cloud.dynamodb.rows[ORDERS].values())
            self._late.append(Late(self.calls[-1], self._kind, request, max(attempts, default=0)))
        self._tell_of_mails()
        self.cloud.ledger.check(self.cloud.dynamodb.rows)
        return reply

    def _note(self, request: Request) -> Kind | None:
        """Write a call down, and give the fault that is planned for it."""
        call = Call.of(self._function, self._invocations[self._function], self._number, request)
        self.calls.append(call)
        kind = self._plan.get(call)
        for planned, lasting in self._plan.items():
            same = (planned.function, planned.operation) == (call.function, call.operation)
            if kind is None and lasting is Kind.DENIED_ON and same and call.invocation > planned.invocation:
                kind = lasting
        if kind:
            self.struck.append(call)
        return kind

    @property
    def _given_back(self) -> int:
        return self.cloud.ledger.transitions["CONFIRMED", "FAILED"]

    def _traces(self) -> int:
        counted = sum(self.cloud.counted[name] for name in TROUBLE)
        return counted + self.cloud.warnings + self._failed_tries + self.letters_without_reason

    def _tell_of_mails(self) -> None:
        """Let SES send its events of the mails that it has just taken."""
        for mail in self.cloud.mails[self._mails_told :]:
            for kind in self._told:
                self.world.tell(mail, kind)
        self._mails_told = len(self.cloud.mails)

    def _land_due(self, due: Callable[[Late], bool]) -> bool:
        """Tell whether anything landed."""
        landing = [late for late in self._late if due(late)]
        for late in landing:
            self._land(late)
        return bool(landing)

    def _land(self, late: Late) -> None:
        self._late.remove(late)
        if late.kind is Kind.LATE_RELEASE:
            self._blocked.discard(late.call.function)
        rows = dict(self.cloud.dynamodb.rows[ORDERS])
        self.cloud.land(self.cloud.in_flight.index(late.request))
        if late.kind is Kind.LATE_NEXT and late.call.function in STEPS_OF_AN_ATTEMPT:
            now = self.cloud.dynamodb.rows[ORDERS]
            later = [order_id for order_id, row in rows.items() if attempt(row) > late.attempt]
            assert all(now[order_id] == rows[order_id] for order_id in later), f"{late.call} in a later attempt"
        self._tell_of_mails()

    def _accepted(self, order_id: str) -> str:
        """Find the message that became this order's newest execution."""
        of_order = (one for one in self.cloud.executions.values() if one.order["order_id"] == order_id)
        newest = Order.from_input(max((one.order for one in of_order), key=lambda order: int(order["attempt"])))
        return next(body for body in self.world.published if body != NO_ORDER and parse_order(body) == newest)


def _lands_after(late: Late, function: str, *, done: bool) -> bool:
    """Whether a late request is due once this function has come to its end."""
    match late.kind:
        case Kind.LATE_RETRY:
            return late.call.function == function
        case Kind.LATE_RELEASE:
            return done and function in RELEASES and late.call.function != function
        case Kind.LATE_NEXT:
            return done and function == "UpdateOrder"
    return False
