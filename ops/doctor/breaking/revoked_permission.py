"""The probe that takes a rule's permission away: the events that EventBridge cannot deliver become dead letters."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final

from functions.shared.order import Order
from functions.shared.row import REJECTED
from ops.dead_letters.dead_letter import RELEASES, DeadLetter
from ops.doctor.breaking.marked_letters import drop_afterwards, find_letter
from ops.doctor.breaking.rule_permission import RulePermission
from ops.doctor.own_names import name_run
from ops.doctor.patience import Patience
from ops.doctor.probe import Finding
from ops.doctor.repair import Repair, Warn, look_while_broken
from ops.doctor.stopped_execution import start_and_stop, wait_until_released, was_released
from ops.doctor.subject import Subject
from ops.orders.ledger import Orders
from ops.orders.publish import publish_order
from ops.shell import quote_command

_QUALIFIER: Final = "live"
# Seconds. A change of a policy reaches EventBridge within some; an event that nobody may deliver becomes a dead letter
# at once, since EventBridge tries a lack of permission no second time.
_SETTLES: Final = 15.0
_ARRIVES: Final = 120.0
_RELEASED: Final = 120.0
_CLOSED: Final = 120.0
_EVERY: Final = 5.0


@dataclass(frozen=True)
class RevokedPermission:
    """The question, with what it needs to ask it."""

    patience: Patience
    warn: Warn

    def ask(self, subject: Subject) -> Iterator[Finding]:
        """Revoke the permission, stop an execution, look for its event; restore it all, and try that as well."""
        client = subject.stack.client("lambda")
        function = subject.find_resource("AWS::Lambda::Function", "WorkflowReleaseAbandoned").physical_id
        rule = subject.find_resource("AWS::Events::Rule", "WorkflowAbandonedExecutions").physical_id
        permission = RulePermission.find(client, function, _QUALIFIER, rule)
        if permission is None:
            yield Finding.wrong(f"rule {rule} may not call {function}:{_QUALIFIER}", "deploy again")
            return
        run = name_run(datetime.now(UTC))
        dropped = drop_afterwards(subject, RELEASES, run, self.warn)
        yield from look_while_broken(lambda: self._revoke_and_restore(subject, permission, run), dropped)

    def _revoke_and_restore(self, subject: Subject, permission: RulePermission, run: str) -> Iterator[Finding]:
        client, stopped = subject.stack.client("lambda"), list[Order]()
        restored = Repair(
            "no stopped order is released, because its rule may not call ReleaseAbandoned",
            partial(permission.give_back, client),
            permission.write_command(subject.stack.region),
            self.warn,
        )

        def look() -> Iterator[Finding]:
            permission.take_away(client)
            self.patience.pause(_SETTLES)
            yield self._look_for_event(subject, run, stopped)

        yield from look_while_broken(look, restored)
        if permission.is_there(client):
            self.patience.pause(_SETTLES)
            yield self._try_restored(subject, run)
            for order in stopped:
                yield self._resume(subject, order)

    def _look_for_event(self, subject: Subject, run: str, stopped: list[Order]) -> Finding:
        """Stop an execution, whose order is added to `stopped`, and look where its event goes."""
        order = start_and_stop(subject, self.patience, run, "revoked")
        if order is None:
            return Finding.unclear("each execution ended before it could be stopped", "run it again")
        stopped.append(order)

        def look() -> tuple[DeadLetter | None] | None:
            letter = find_letter(subject, RELEASES, order.order_id)
            return (letter,) if letter or was_released(subject, order) else None

        seen = self.patience.wait_for("a dead letter", look, seconds=_ARRIVES, every=_EVERY)
        if seen is None:
            return Finding.wrong(
                f"the event of a stopped execution was lost: {_ARRIVES:.0f} s later it is no dead letter",
                f"run {quote_command('orders doctor A6 A10 A13')}: the queue, its key, and EventBridge's refusals",
            )
        (letter,) = seen
        if letter is None:
            return Finding.unclear("EventBridge could still call the function without its permission", "run it again")
        if letter.error_type != "NO_PERMISSIONS":
            return Finding.unclear(f"the event became a dead letter with {letter.error_type}, and not NO_PERMISSIONS")
        return Finding.ok("an event that EventBridge may not deliver becomes a dead letter with NO_PERMISSIONS")

    def _try_restored(self, subject: Subject, run: str) -> Finding:
        order = start_and_stop(subject, self.patience, run, "restored")
        if order is None:
            return Finding.unclear("the permission was restored, and no execution could be stopped to try it")
        if not wait_until_released(subject, self.patience, order, seconds=_RELEASED):
            return Finding.wrong(
                f"the permission was restored, and {_RELEASED:.0f} s after an execution was stopped its order is open",
                f"deploy again, and run {quote_command('orders doctor --probe B7')}",
            )
        return Finding.ok("with the permission restored, the order of a stopped execution is FAILED, and holds nothing")

    def _resume(self, subject: Subject, order: Order) -> Finding:
        """Publish it again, as the runbook of its dead letter says: nobody has its item, so that it is REJECTED."""
        publish_order(subject.stack, order)
        orders = Orders.of(subject.stack)

        def read_end() -> str | None:
            row = orders.row(order.order_id)
            return row.status if row and row.status == REJECTED else None

        if self.patience.wait_for("a resumed order", read_end, seconds=_CLOSED, every=_EVERY) is None:
            return Finding.wrong(
                f"published again, the order of the dead letter is not REJECTED {_CLOSED:.0f} s later",
                f"run {quote_command('orders stuck')}",
            )
        return Finding.ok("the order of the dead letter, published again, was taken over by the next attempt")
