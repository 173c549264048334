"""What must hold once a schedule is over: read from the tables, the queues, the mails and the executions alone."""

import json
from collections import Counter
from typing import Any

from functions.shared.execution_name import execution_name
from functions.shared.row import ENDS, MAIL_LEFT
from ops.books.balance import check_mails, check_order
from ops.tables.order_row import OrderRow
from tests.functions.cloud import ORDERS
from tests.schedules.ends import End, Found, possible
from tests.schedules.expressions import Item
from tests.schedules.interpreter import ENDED_BADLY
from tests.schedules.ledger import email, lines, status, was_kept
from tests.schedules.world import World


def assert_settled(world: World) -> None:
    """With the faults off everything has come to an end by itself, and nothing is lost or silent."""
    cloud = world.cloud
    cloud.ledger.check(cloud.dynamodb.rows)
    for execution in cloud.executions.values():
        assert not execution.running, f"{execution.name} runs for ever"
        order_id = execution.order["order_id"]
        has_row = order_id in cloud.dynamodb.rows[ORDERS]
        assert has_row or world.unreleased_of(order_id), f"{execution.name} has no row"
    for order_id, row in cloud.dynamodb.rows[ORDERS].items():
        _assert_order(world, order_id, row)
    _assert_every_end_is_in_the_table(world)
    _assert_every_message_is_accounted_for(world)
    _assert_nothing_is_counted_that_did_not_happen(world)


def assert_finished(world: World) -> None:
    """After the documented acts of an operator, every order is done; and its customer told."""
    assert not [letter for letter in world.cloud.dead_letters if letter.reason is None], "letters without a reason"
    for order_id, row in world.cloud.dynamodb.rows[ORDERS].items():
        assert status(row) != "FAILED", f"{order_id} cannot be finished: {row}"
        if status(row) == "CONFIRMED":
            told = email(row) in MAIL_LEFT or world.cloud.ledger.mails[order_id] == 1
            assert told, f"{order_id} has no mail: {row}"
    assert not world.untold, "events of mails that nobody read"


def _assert_order(world: World, order_id: str, row: Item) -> None:
    cloud = world.cloud
    executions = [execution for execution in cloud.executions.values() if execution.order["order_id"] == order_id]
    assert status(row) in ENDS or world.unreleased_of(order_id), f"{order_id} is left {status(row)}"
    failed = any(execution.status in ENDED_BADLY for execution in executions)
    # Neither shows as a failed execution: SES's own word on the row, and what a person has begun knows that person.
    known = was_kept(row) or order_id in world.resent
    if not all(execution.status in ENDED_BADLY for execution in executions):
        done = status(row) in ("REJECTED", "CANCELLED") or email(row) in MAIL_LEFT or known
        assert done, f"an execution of {order_id} succeeded, and it is {status(row)}, its mail {email(row)}"
    if status(row) == "FAILED":
        assert failed, f"{order_id} failed in silence"
        assert row["status_reason"]["S"], f"{order_id} failed without a reason"
    order = OrderRow.from_item(row)
    # What SES has kept, the row may still tell as sent: that event is under way, or a dead letter.
    mails = cloud.ledger.mails[order_id] or int(world.kept(order_id) and email(row) in MAIL_LEFT)
    wrong = [*check_order(order), *check_mails(order, mails, is_shown=failed or known)]
    assert not wrong, f"{order_id}: {wrong}"
    if email(row) in MAIL_LEFT:
        (mail,) = [mail for mail in cloud.mails if mail.message_id == row["email_message_id"]["S"]]
        assert mail.tags["claim"] == [row["email_claim"]["S"]], f"{order_id} says of one mail what became of another"


def _assert_every_end_is_in_the_table(world: World) -> None:
    """The table in docs/reliability.md says of some cells that they cannot be."""
    for ended in world.ended:
        found = Found.of(ended.row, json.loads(world.cloud.executions[ended.execution].input)["attempt"])
        assert possible(End(ended.status, ended.state), found), f"{ended.status} at {ended.state}, and its row: {found}"


def _assert_nothing_is_counted_that_did_not_happen(world: World) -> None:
    """A count may be missing, since a function can end between what it does and its count, but none is too many."""
    cloud = world.cloud
    entered: Counter[str] = Counter()
    for (old, new), number in cloud.ledger.transitions.items():
        if new == "FAILED" or old != new:
            entered[new] += number
    for metric, most in (
        ("OrdersConfirmed", entered["CONFIRMED"]),
        ("OrdersRejected", entered["REJECTED"]),
        ("OrdersFailed", entered["FAILED"]),
        ("OrdersRefused", sum(letter.reason is not None for letter in cloud.dead_letters)),
        ("MailsSent", len(cloud.mails)),
    ):
        assert cloud.counted[metric] <= most, f"{metric}: {cloud.counted[metric]} counted, {most} happened"


def _assert_every_message_is_accounted_for(world: World) -> None:
    """Each is an order, a duplicate of one, or a dead letter; a refused one with its reason, and unchanged."""
    letters: dict[str, list[str | None]] = {}
    for letter in world.cloud.dead_letters:
        letters.setdefault(letter.body, []).append(letter.reason)
    assert set(letters) <= set(world.published), "a letter that nobody published"
    for body in set(world.published):
        reasons = letters.get(body, [])
        expected = _refusal(world, body)
        if expected:
            assert any(reason is None or reason.startswith(expected) for reason in reasons), f"lost: {body}"
        else:
            assert not any(reasons), f"refused for nothing: {body}: {reasons}"
            order = json.loads(body)
            assert reasons or _is_an_order(world, order) or _awaits_release(world, order), f"lost: {body}"
        assert all(reason is None or reason.startswith(expected or "?") for reason in reasons), f"{body}: {reasons}"
    assert all(_came_from_a_message(world, order_id) for order_id in world.cloud.dynamodb.rows[ORDERS])


def _refusal(world: World, body: str) -> str | None:
    data = json.loads(body)
    if not isinstance(data.get("items"), list):
        return "InvalidOrder"
    first = world.cloud.executions.get(execution_name(data["order_id"], 1))
    return None if first is None or _same(json.loads(first.input), data) else "ConflictingOrder"


def _is_an_order(world: World, data: dict[str, Any]) -> bool:
    row = world.cloud.dynamodb.rows[ORDERS].get(data["order_id"])
    if row and "items" not in row:
        return status(row) == "CANCELLED"  # before it was placed
    return row is not None and lines(row) == {line["item_id"]: line["quantity"] for line in data["items"]}


def _awaits_release(world: World, data: dict[str, Any]) -> bool:
    """Tell whether this order is no more than an execution whose release is a dead letter, which names it."""
    execution = world.unreleased_of(data["order_id"])
    return execution is not None and _same(execution.order, data)


def _came_from_a_message(world: World, order_id: str) -> bool:
    if "items" not in world.cloud.dynamodb.rows[ORDERS][order_id]:
        return True  # an operator wrote it
    return any(
        data["order_id"] == order_id and isinstance(data["items"], list) and _is_an_order(world, data)
        for data in map(json.loads, world.published)
    )


def _same(content: dict[str, Any], data: dict[str, Any]) -> bool:
    return (content["customer_email"], content["items"]) == (data["customer_email"], data["items"])
