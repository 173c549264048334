"""The schedules that Hypothesis draws: everything that may happen to the pipeline, at any time, in any order.

150,000 steps once found neither a claim that lands after SES has rejected the mail, nor an order that only the dead
letter of its release names. Each had a blind spot of its own, to be remembered where a rule is added: an order whose
mail SES had kept was exempt from the promises altogether, whatever its row said; what was late always landed before
SES's events were read, so that nothing was ever late at the very end (now `lands_last`); a release was tried for ever
and never became a dead letter; and an outage was over before anything had given up (now `World.settle` ends it last).
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from functions.shared.row import MAIL_LEFT
from tests.functions.builders import MAIL_EVENTS
from tests.functions.cloud import ORDERS
from tests.schedules.cloud import Account, Cloud, Fate
from tests.schedules.ledger import Ledger, email, lines, status
from tests.schedules.promises import assert_finished, assert_settled
from tests.schedules.world import Abandoned, Message, Work, World

T = TypeVar("T")

# The last one's name cannot be an execution's; the addresses are the customer's, and one that SES does not know.
ORDER_IDS = ("A", "B", "C", "D", "E 5")
UNVERIFIED = ("C",)
CONTENTS = ({"book": 1}, {"book": 2}, {"pen": 1}, {"book": 1, "pen": 2}, {"book": 9}, {"comb": 1})
ITEMS = ("book", "pen", "comb")
SERVICES = ("dynamodb", "stepfunctions", "sqs", "sesv2")

PICK = st.integers(0, 30)
# Most calls are done: a schedule of faults alone never comes far.
FATE = st.sampled_from([*[Fate.DONE] * len(Fate), *Fate])
FATES = st.lists(FATE, max_size=4)  # of the next calls
# Each rule is as likely as another, so what moves orders on has several, and what is only around them few.
MOST_MESSAGES = 12
PLENTY = 16  # pieces, beyond which nothing would be out of stock


def message(order_id: str, content: dict[str, int] | None, serial: int) -> str:
    """A published order; with `serial`, which the contract ignores, no two are the same text."""
    items: Any = "none" if content is None else [{"item_id": k, "quantity": v} for k, v in sorted(content.items())]
    return json.dumps({"order_id": order_id, "customer_email": address(order_id), "items": items, "serial": serial})


def address(order_id: str) -> str:
    return f"customer-{order_id[0]}@example.com"


class Totals:
    """What all schedules of a run have come to."""

    def __init__(self) -> None:
        self.steps = self.rounds = self.schedules = self.orders = self.executions = self.mails = 0
        self.calls: Counter[str] = Counter()
        self.faults: Counter[Fate] = Counter()
        self.rules: Counter[str] = Counter()
        self.transitions: Counter[Any] = Counter()
        self.progress: Callable[[], None] = lambda: None

    def step(self, name: str) -> None:
        self.steps += 1
        self.rules[name] += 1
        self.progress()

    def add(self, world: World) -> None:
        cloud = world.cloud
        self.schedules += 1
        self.orders += len(cloud.dynamodb.rows[ORDERS])
        self.executions += len(cloud.executions)
        self.mails += len(cloud.mails)
        self.calls += cloud.calls
        self.faults += cloud.faults
        self.transitions += cloud.ledger.transitions


def schedules(account: Account, totals: Totals) -> type[RuleBasedStateMachine]:
    """Make the machine; it works on one account, which it lays out anew for each schedule."""

    class Schedule(Rules):
        def __init__(self) -> None:
            super().__init__(account, totals)

    return Schedule


class Rules(RuleBasedStateMachine):
    """One schedule. Each rule is one event; `pick` says to which of those there are."""

    def __init__(self, account: Account, totals: Totals) -> None:
        super().__init__()
        self.totals = totals
        unverified = {address(order_id) for order_id in UNVERIFIED}
        account.cloud = self.cloud = Cloud(ledger=Ledger(operator=True), unverified=unverified)
        self.world = World(self.cloud)

    @initialize(
        books=st.integers(0, 8),
        pens=st.integers(0, 8),
        retries=st.integers(0, 2),
        lands_last=st.booleans(),
        orders=st.lists(st.tuples(st.sampled_from(ORDER_IDS), st.sampled_from(CONTENTS)), min_size=1, max_size=3),
    )
    def open_the_shop(
        self, books: int, pens: int, retries: int, orders: list[tuple[str, dict[str, int]]], *, lands_last: bool
    ) -> None:
        """Some stock, how often a step may be tried again, when late calls land, and the first orders accepted."""
        self.cloud.most_retries = retries
        self.world.lands_last = lands_last
        self.cloud.restock("book", books)
        self.cloud.restock("pen", pens)
        for order_id, content in orders:
            self.world.publish(message(order_id, content, len(self.world.published)))
        self.world.receive(len(orders))
        self._run(self.world.under_way[0], iter(()))

    # ------------------------------------------------------------------------------------------------ the shop

    @precondition(lambda self: len(self.world.published) < MOST_MESSAGES)
    @rule(order_id=st.sampled_from(ORDER_IDS), content=st.sampled_from([*CONTENTS, None]))
    def publish(self, order_id: str, content: dict[str, int] | None) -> None:
        """A new order, or an id that is taken: then with the same content or with other; or what is no order."""
        self._tell("publish")
        self.world.publish(message(order_id, content, len(self.world.published)))

    # ------------------------------------------------------------------------------------------------ SQS

    @precondition(lambda self: self.world.queue)
    @rule(most=st.integers(1, 4), fates=FATES)
    def receive(self, most: int, fates: list[Fate]) -> None:
        """The starter is handed some messages, and stands somewhere among them."""
        self._tell("receive")
        self._step_on(self.world.receive(most), fates)

    @precondition(lambda self: self.world.queue)
    @rule(most=st.integers(1, 4), fates=FATES)
    def accept(self, most: int, fates: list[Fate]) -> None:
        """The starter is handed some messages, and goes through them to the end."""
        self._tell("accept")
        self._run(self.world.receive(most), iter(fates))

    @precondition(lambda self: self.world.received and len(self.world.queue) < 3)
    @rule(pick=PICK, published=st.booleans())
    def repeat(self, pick: int, *, published: bool) -> None:
        """The same order is published again; or SQS delivers again what was deleted or is being worked on."""
        self._tell("repeat")
        body = _one(self.world.received, pick)
        if published and len(self.world.published) < MOST_MESSAGES:
            self.world.publish(json.dumps(json.loads(body) | {"serial": len(self.world.published)}))
        else:
            self.world.queue.append(Message(body))

    @precondition(lambda self: self.world.untold or any(letter.reason is None for letter in self.cloud.dead_letters))
    @rule()
    def redrive_dead_letters(self) -> None:
        self._tell("redrive dead letters")
        self.world.redrive_dead_letters()

    # ------------------------------------------------------------------------------------------------ functions

    @precondition(lambda self: self.world.waiting())
    @rule(pick=PICK, fates=FATES)
    def begin(self, pick: int, fates: list[Fate]) -> None:
        """An execution calls its function, which stands for a while before its first call or a later one."""
        self._tell("begin")
        self._step_on(self.world.begin(_one(self.world.waiting(), pick)), fates)

    @precondition(lambda self: self.world.waiting())
    @rule(pick=PICK, steps=st.integers(1, 4), fates=FATES)
    def go_on(self, pick: int, steps: int, fates: list[Fate]) -> None:
        """An execution goes on for some tries."""
        self._tell("go on")
        name = _one(self.world.waiting(), pick)
        each = iter(fates)
        for _ in range(steps):
            if name in self.world.waiting():
                self._run(self.world.begin(name), each)

    @precondition(lambda self: self.world.waiting())
    @rule(pick=PICK, error=st.sampled_from(["Lambda.TooManyRequestsException", "Runtime.ExitError"]))
    def crash(self, pick: int, error: str) -> None:
        """The function is not run, or has crashed before it did anything."""
        self._tell("crash")
        self.world.refuse(_one(self.world.waiting(), pick), error)

    @precondition(lambda self: self.world.under_way)
    @rule(pick=PICK, fates=FATES)
    def step(self, pick: int, fates: list[Fate]) -> None:
        """The next calls of one of the functions under way."""
        self._tell("step")
        self._step_on(_one(self.world.under_way, pick), [*fates, Fate.DONE])

    @precondition(lambda self: self.world.under_way)
    @rule(pick=PICK, fates=FATES)
    def run(self, pick: int, fates: list[Fate]) -> None:
        """One of the functions under way runs to its end."""
        self._tell("run")
        self._run(_one(self.world.under_way, pick), iter(fates))

    @precondition(lambda self: self.world.under_way)
    @rule(pick=PICK)
    def time_out(self, pick: int) -> None:
        """A function is given up, and goes on later all the same."""
        self._tell("time out")
        self.world.time_out(_one(self.world.under_way, pick))

    @precondition(lambda self: self.world.under_way)
    @rule(pick=PICK)
    def lose(self, pick: int) -> None:
        """A function does all it should, and nobody hears of it."""
        self._tell("lose")
        work = _one(self.world.under_way, pick)
        self.world.time_out(work)
        while not work.invocation.ended:
            self.world.step_late(len(self.world.late) - 1)

    @precondition(lambda self: self.world.late)
    @rule(pick=PICK, fate=FATE)
    def step_late(self, pick: int, fate: Fate) -> None:
        """The next call of a function that was given up long ago."""
        self._tell("step late")
        self.world.step_late(pick % len(self.world.late), fate)

    @precondition(lambda self: self.cloud.in_flight)
    @rule(pick=PICK)
    def land(self, pick: int) -> None:
        """A request that was on its way takes effect."""
        self._tell("land")
        self.cloud.land(pick % len(self.cloud.in_flight))

    # ------------------------------------------------------------------------------------------------ executions

    @precondition(lambda self: any(execution.running for execution in self.cloud.executions.values()))
    @rule(pick=PICK, how=st.sampled_from(["ABORTED", "TIMED_OUT"]))
    def stop(self, pick: int, how: str) -> None:
        self._tell("stop")
        running = [name for name, execution in self.cloud.executions.items() if execution.running]
        self.world.stop(_one(running, pick), how)

    @precondition(lambda self: self.cloud.failed_executions())
    @rule(pick=PICK)
    def redrive(self, pick: int) -> None:
        self._tell("redrive")
        self.world.redrive(_one(self.cloud.failed_executions(), pick).name)

    @precondition(lambda self: self.world.events)
    @rule(pick=PICK, again=st.booleans(), fates=FATES)
    def release_abandoned(self, pick: int, fates: list[Fate], *, again: bool) -> None:
        """EventBridge tells of an execution's end, sooner or later, once or more often."""
        self._tell("release abandoned")
        number = pick % len(self.world.events)
        if again:
            self.world.events.append(Abandoned(self.world.events[number].event))
        self._step_on(self.world.deliver(number), fates)

    # ------------------------------------------------------------------------------------------------ SES

    @precondition(lambda self: self.cloud.mails)
    @rule(
        pick=PICK,
        kinds=st.lists(st.sampled_from([*MAIL_EVENTS]), min_size=1, max_size=3),
        most=st.integers(0, 3),
        fates=FATES,
    )
    def tell(self, pick: int, kinds: list[str], most: int, fates: list[Fate]) -> None:
        """SES tells of a mail, also before its sender knows that it has left; out of order, and once or more often."""
        self._tell("tell")
        for kind in kinds:
            self.world.tell(_one(self.cloud.mails, pick), kind)
        if most and self.world.mail_queue:
            self._step_on(self.world.track(most), fates)

    # ------------------------------------------------------------------------------------------------ operators

    @rule(what=st.sampled_from([*ITEMS, *SERVICES, "addresses"]), pieces=st.integers(1, 3))
    def meanwhile(self, what: str, pieces: int) -> None:
        """Pieces of an item come in; a service goes down, or what was down comes back; addresses are verified."""
        self._tell("meanwhile")
        if what in SERVICES:
            self.cloud.down = set() if self.cloud.down else {what}
        elif what == "addresses":
            self.cloud.unverified.clear()
        elif self.cloud.ledger.supply.total() < PLENTY:
            self.cloud.restock(what, pieces)

    @precondition(lambda self: len(self.cloud.dynamodb.rows[ORDERS]) > 1)
    @rule(pick=PICK, fates=FATES)
    def cancel(self, pick: int, fates: list[Fate]) -> None:
        """Somebody cancels an order, or one that may never come."""
        self._tell("cancel")
        self._step_on(self.world.cancel(_one([*self.cloud.dynamodb.rows[ORDERS], ORDER_IDS[-1]], pick)), fates)

    @precondition(lambda self: self._refused())
    @rule(pick=PICK, fates=FATES)
    def resend(self, pick: int, fates: list[Fate]) -> None:
        """Somebody has the mail sent again that SES did not want."""
        self._tell("resend")
        self._step_on(self.world.resend(_one(self._refused(), pick)), fates)

    # ------------------------------------------------------------------------------------------------ promises

    @invariant()
    def stock_is_conserved(self) -> None:
        """The rest is checked as it happens, by `Ledger.watch`."""
        self.cloud.ledger.check(self.cloud.dynamodb.rows)

    def teardown(self) -> None:
        """Every schedule ends with the faults off; then the operator does what the documentation says."""
        try:
            self._end()
        finally:
            self.world.close()
            self.totals.add(self.world)

    def _end(self) -> None:
        self.world.settle()
        assert_settled(self.world)
        self.cloud.unverified.clear()
        self.world.redrive_dead_letters()
        self.world.settle()
        for order_id, content in self._unfinished().items():
            self.world.publish(message(order_id, content, len(self.world.published)))
        self.world.settle()
        self.world.unreleased.clear()
        for order_id in self._untold():  # publishing them again was no help
            self.world.resend(order_id, asked=True)
        self.world.settle()
        assert_settled(self.world)
        assert_finished(self.world)

    def _tell(self, name: str) -> None:
        self.totals.step(name)

    def _refused(self) -> list[str]:
        """The orders whose mail SES has refused, at once or later."""
        rows = self.cloud.dynamodb.rows[ORDERS]
        return [order_id for order_id, row in rows.items() if (status(row), email(row)) == ("CONFIRMED", "REJECTED")]

    def _unfinished(self) -> dict[str, dict[str, int]]:
        """What is published again: what the dead letters of releases name, what is FAILED or without its mail."""
        contents = {}
        for order_id in {event.order_id for event in self.world.unreleased}:
            if execution := self.world.unreleased_of(order_id):
                contents[order_id] = {line["item_id"]: line["quantity"] for line in execution.order["items"]}
        for order_id, row in self.cloud.dynamodb.rows[ORDERS].items():
            if status(row) == "FAILED" or (status(row) == "CONFIRMED" and email(row) not in MAIL_LEFT):
                contents[order_id] = lines(row)
        return contents

    def _untold(self) -> list[str]:
        """The orders whose customers have no mail, or may have none."""
        rows = self.cloud.dynamodb.rows[ORDERS]
        return [
            order_id for order_id, row in rows.items() if status(row) == "CONFIRMED" and email(row) not in MAIL_LEFT
        ]

    def _step_on(self, work: Work | None, fates: list[Fate]) -> None:
        for fate in fates:
            if work and not work.invocation.ended:
                self.world.step(work, fate)

    def _run(self, work: Work | None, fates: Iterator[Fate]) -> None:
        while work and not work.invocation.ended:
            self.world.step(work, next(fates, Fate.DONE))


def _one(things: list[T], pick: int) -> T:
    return things[pick % len(things)]
