"""Every order in which invocations can be interleaved, call by call, with up to so many faults among them.

A search without memory: each interleaving is run from its beginning, and the next one differs in its last choice that
still has another option. Equal invocations are interchangeable, so that of two only the first may make the first move.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from functions.reserve_inventory.handler import release_abandoned, release_inventory, reserve_inventory
from functions.send_email.handler import send_confirmation
from functions.shared.aws import make_client
from functions.shared.order import Line, Order
from functions.update_order.handler import reject_order, update_order
from ops.orders.cancel import CancelStore, cancel_order
from tests.functions.builders import LambdaContext, abandoned_event, execution_input, step_event
from tests.functions.cloud import INVENTORY, ORDERS
from tests.schedules.cloud import Account, Cloud, Fate
from tests.schedules.invocations import Invocation, Killed, Reply

HANDLERS = {
    "update": update_order,
    "reserve": reserve_inventory,
    "reject": reject_order,
    "release": release_inventory,
    "mail": send_confirmation,
}


@dataclass(frozen=True)
class Part:
    """One invocation of an interleaving, or an operator's command."""

    step: str
    attempt: int = 1
    order_id: str = "12345"

    def start(self, number: int, lines: tuple[Line, ...]) -> Invocation:
        order = Order(self.order_id, "customer@example.com", lines)
        data = execution_input(order, self.attempt)
        context = LambdaContext(aws_request_id=f"invocation-{number}")
        if self.step == "abandoned":
            event = abandoned_event(input=order.to_input(self.attempt))
            work: Callable[[], Any] = lambda: release_abandoned(event, context)  # noqa: E731 — one of three
        elif self.step == "cancel":
            store = CancelStore(make_client("dynamodb"), orders=ORDERS, inventory=INVENTORY)
            work = lambda: cancel_order(store, self.order_id, "by an operator")  # noqa: E731 — another
        else:
            work = lambda: HANDLERS[self.step](step_event(data), context)  # noqa: E731 — the third
        invocation = Invocation(work, self.step)
        invocation.start()
        return invocation


@dataclass
class Interleaving:
    """One way in which the parts were interleaved, at its end."""

    cloud: Cloud
    parts: Sequence[Part]
    invocations: list[Invocation]
    trace: list[str] = field(default_factory=list)

    def ended_well(self, *steps: str) -> bool:
        """Tell whether one of these steps has come to its end and raised nothing."""
        return any(
            part.step in steps and not invocation.killed and not invocation.error
            for part, invocation in zip(self.parts, self.invocations, strict=True)
        )

    def ended_well_at(self, attempt: int, step: str) -> bool:
        """Likewise, of one attempt."""
        return any(
            (part.attempt, part.step) == (attempt, step) and not invocation.killed and not invocation.error
            for part, invocation in zip(self.parts, self.invocations, strict=True)
        )

    def status(self, order_id: str = "12345") -> str:
        return str(self.cloud.dynamodb.rows[ORDERS][order_id]["status"]["S"])

    def entered(self, status: str) -> int:
        """How often the order came to this status from another."""
        return sum(
            number for (old, new), number in self.cloud.ledger.transitions.items() if new == status and old != status
        )


def every_interleaving(
    account: Account,
    lay_out: Callable[[Cloud], None],
    parts: Sequence[Part],
    lines: tuple[Line, ...],
    *,
    fates: Sequence[Fate] = (),
    faults: int = 0,
) -> Iterator[Interleaving]:
    """Yield each, with every choice of at most `faults` calls that have one of `fates`."""
    choices: list[int] = []
    while True:
        cloud = account.cloud = Cloud()
        lay_out(cloud)
        run = Interleaving(cloud, parts, [part.start(number, lines) for number, part in enumerate(parts)])
        sizes = _follow(run, choices, fates, faults)
        yield run
        choices += [0] * (len(sizes) - len(choices))
        while choices and choices[-1] + 1 == sizes[len(choices) - 1]:
            choices.pop()
        if not choices:
            return
        choices[-1] += 1


def _follow(run: Interleaving, choices: list[int], fates: Sequence[Fate], faults: int) -> list[int]:
    """Run to the end, by `choices` and then by the first option; give how many options there were each time."""
    sizes: list[int] = []
    moved: set[int] = set()
    try:
        while options := _options(run, moved, fates if sum(run.cloud.faults.values()) < faults else ()):
            number, fate = options[choices[len(sizes)] if len(sizes) < len(choices) else 0]
            sizes.append(len(options))
            if fate is None:
                run.trace.append(f"lands: {run.cloud.in_flight[number]}")
                run.cloud.land(number)
            else:
                invocation = run.invocations[number]
                assert invocation.pending
                run.trace.append(f"{run.parts[number].step} {number}: {invocation.pending}: {fate.value}")
                moved.add(number)
                invocation.proceed(run.cloud.reply(invocation.pending, fate))
            run.cloud.ledger.check(run.cloud.dynamodb.rows)
    except BaseException as broken:
        broken.add_note("\n".join(run.trace))
        for invocation in run.invocations:
            while not invocation.ended:
                invocation.proceed(Reply(error=Killed()))
        raise
    return sizes


def _options(run: Interleaving, moved: set[int], fates: Sequence[Fate]) -> list[tuple[int, Fate | None]]:
    options: list[tuple[int, Fate | None]] = [(number, None) for number in range(len(run.cloud.in_flight))]
    for number, (part, invocation) in enumerate(zip(run.parts, run.invocations, strict=True)):
        first_of_its_kind = not any(
            other == part and earlier not in moved for earlier, other in enumerate(run.parts[:number])
        )
        if invocation.pending and (number in moved or first_of_its_kind):
            options += [(number, fate) for fate in (Fate.DONE, *fates)]
    return options
