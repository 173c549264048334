"""`orders doctor --clean`: what is the doctor's goes, the rest stays, and the books agree all the time."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from functions.shared.order import Order
from ops.books.check import Tables, check_books
from ops.dead_letters import queues as dead_letters
from ops.doctor.catalogue import make_placing
from ops.doctor.own_names import REASON, make_malformed, make_order, name_item
from ops.doctor.permissions import make_policy
from ops.doctor.placing import clean_up
from ops.doctor.placing.clean_up import find_leftovers, remove_leftovers
from ops.doctor.placing.placed_run import Run
from ops.orders.publish import message_of
from ops.stack import Stack
from ops.stock.movements import Stock
from ops.tables.conditional import TRIES
from tests.ops.command import Command
from tests.ops.doctor.cut_off import actions_of
from tests.ops.moto_stack import moto_stack, put, rows
from tests.ops.states import States

RUN, ANOTHER = "doctor-20261125T175903Z", "doctor-20261126T080000Z"
ITEM = name_item(RUN)


@pytest.fixture
def states() -> States:
    return States()


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch, states: States) -> Iterator[Stack]:
    monkeypatch.setattr(dead_letters, "_WAIT", 0)
    with moto_stack(queues=True, tables=True, states=states) as made:
        yield made


@pytest.fixture
def orders(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Command:
    return Command(stack, monkeypatch)


def put_order(stack: Stack, order: Order, status: str, mail: str | None = None) -> None:
    texts = {"order_id": order.order_id, "customer_email": order.customer_email, "status": status}
    row: dict[str, Any] = {
        name: {"S": text} for name, text in (texts | ({"email_status": mail} if mail else {})).items()
    }
    lines = [{"M": {"item_id": {"S": one.item_id}, "quantity": {"N": str(one.quantity)}}} for one in order.lines]
    put(stack, "OrdersTableName", **row, attempt={"N": "1"}, items={"L": lines})


def take(stack: Stack, item_id: str, pieces: int) -> None:
    stack.client("dynamodb").update_item(
        TableName=stack["InventoryTableName"],
        Key={"item_id": {"S": item_id}},
        UpdateExpression="ADD available :taken",
        ExpressionAttributeValues={":taken": {"N": str(-pieces)}},
    )


def leave_run(stack: Stack, states: States, run: str = RUN) -> None:
    """Leave all that a run may: orders of each end, of which three hold a piece each, and a dead letter."""
    Stock.of(stack).add(name_item(run), 10, REASON)
    for kind, mailbox, mail in (
        ("success", "success", "DELIVERED"),
        ("bounce", "bounce", "BOUNCED"),
        ("complaint", "complaint", None),
    ):
        put_order(stack, make_order(run, kind, mailbox=mailbox), "CONFIRMED", mail)
        take(stack, name_item(run), 1)
    put_order(stack, make_order(run, "short", quantity=99), "REJECTED")
    put_order(stack, make_order(run, "stopped"), "FAILED")
    states.put(f"{run}-success", "SUCCEEDED", make_order(run, "success").to_input(1))
    send(stack, "OrderDlqUrl", make_malformed(run)[1])


def leave_others(stack: Stack) -> None:
    """Leave what an operator and a shop have, of names that begin as the doctor's do."""
    stock = Stock.of(stack)
    stock.add("tea", 5, "restock")
    stock.add("doctor-bag", 5, "restock")
    stock.add(f"{ANOTHER}-item", 5, "restock")
    order = make_order(RUN, "success")
    for order_id in ("12345", "doctor-who", f"{RUN}-real"):
        put_order(stack, replace(order, order_id=order_id, customer_email="ada@example.com"), "REJECTED")
    send(stack, "OrderDlqUrl", '{"order_id": "12345"}')
    of_ada = message_of(replace(order, customer_email="ada@example.com"))
    send(stack, "OrderDlqUrl", of_ada)
    send(stack, "OrderDlqUrl", of_ada.replace("}", f', "note": "{order.customer_email}"}}'))
    send(stack, "ReleaseDlqUrl", "not even JSON")


def send(stack: Stack, queue: str, body: str) -> None:
    stack.client("sqs").send_message(QueueUrl=stack[queue], MessageBody=body)


def letters_in(stack: Stack) -> list[str]:
    return sorted(one.body for one in dead_letters.peek_queues(stack).letters)


def snapshot(stack: Stack) -> list[Any]:
    tables = [
        sorted(map(repr, rows(stack, table)))
        for table in ("OrdersTableName", "InventoryTableName", "StockMovementsTableName")
    ]
    return [*tables, letters_in(stack)]


def is_sound(stack: Stack) -> bool:
    return check_books(Tables.of(stack), lambda: None, lambda _text: None).is_sound


def clean(stack: Stack) -> list[str]:
    return list(remove_leftovers(stack, find_leftovers(stack)))


def test_all_that_runs_left_goes_and_nothing_else(stack: Stack, states: States) -> None:
    leave_others(stack)
    before = snapshot(stack)
    leave_run(stack, states)
    leave_run(stack, states, "doctor-20261125T180000Z")
    assert is_sound(stack)

    assert clean(stack) == []

    assert snapshot(stack) == before
    assert is_sound(stack)
    assert not find_leftovers(stack)


def test_the_policy_for_placing_is_enough_for_cleaning(stack: Stack, states: States) -> None:
    leave_run(stack, states)
    calls = list[str]()

    def remember(model: Any, **_: Any) -> None:
        calls.append(f"{model.service_model.service_name}.{model.name}")

    clients = [stack.client("dynamodb"), stack.client("sqs")]
    for client in clients:
        client.meta.events.register("before-call.*.*", remember, "remember")
    try:
        assert clean(stack) == []
    finally:
        for client in clients:
            client.meta.events.unregister("before-call.*.*", remember, "remember")
    (statement,) = make_policy(make_placing(Run()))["Statement"]
    assert actions_of(calls) - {*statement["Action"]} == set()


def test_the_books_agree_after_each_write(stack: Stack, states: States, monkeypatch: pytest.MonkeyPatch) -> None:
    leave_run(stack, states)
    sound, write = list[bool](), clean_up._write

    def write_and_check(stack: Stack, actions: Any) -> None:
        write(stack, actions)
        sound.append(is_sound(stack))

    monkeypatch.setattr(clean_up, "_write", write_and_check)
    assert clean(stack) == []
    assert sound == [True] * 6  # five orders, and the item


def test_an_order_under_way_stays_with_its_item_until_it_has_ended(stack: Stack, states: States) -> None:
    leave_run(stack, states)
    states.put(f"{RUN}-success", "RUNNING", make_order(RUN, "success").to_input(1))
    assert clean(stack) == [
        f"{RUN}-success: its execution is still under way",
        f"{ITEM}: an order of it is left",
    ]
    assert [row["order_id"]["S"] for row in rows(stack, "OrdersTableName")] == [f"{RUN}-success"]
    assert len(rows(stack, "InventoryTableName")) == 1
    assert is_sound(stack)

    states.put(f"{RUN}-success", "SUCCEEDED", make_order(RUN, "success").to_input(1))
    assert clean(stack) == []
    assert rows(stack, "OrdersTableName") == rows(stack, "InventoryTableName") == []


def test_one_that_holds_nothing_yet_keeps_its_item_too(stack: Stack, states: States) -> None:
    Stock.of(stack).add(ITEM, 10, REASON)
    put_order(stack, make_order(RUN, "success"), "PROCESSING")
    states.put(f"{RUN}-success", "RUNNING", make_order(RUN, "success").to_input(1))
    before = snapshot(stack)
    assert len(clean(stack)) == 2
    assert snapshot(stack) == before


def test_an_order_left_processing_by_nobody_goes(stack: Stack) -> None:
    Stock.of(stack).add(ITEM, 10, REASON)
    put_order(stack, make_order(RUN, "success"), "PROCESSING")
    assert clean(stack) == []
    assert rows(stack, "OrdersTableName") == rows(stack, "InventoryTableName") == []


def test_an_order_whose_row_changes_meanwhile_is_read_again(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is CONFIRMED between the reading and the deleting: its piece must come back."""
    Stock.of(stack).add(ITEM, 10, REASON)
    order = make_order(RUN, "success")
    put_order(stack, order, "PROCESSING")
    write, moved = clean_up._write, list[str]()

    def move_and_write(stack: Stack, actions: Any) -> None:
        if not moved:
            moved.append("once")
            put_order(stack, order, "CONFIRMED")
            take(stack, ITEM, 1)
        write(stack, actions)

    monkeypatch.setattr(clean_up, "_write", move_and_write)
    assert clean(stack) == []
    assert rows(stack, "OrdersTableName") == rows(stack, "InventoryTableName") == []


def test_an_item_that_keeps_moving_stays_whole(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    Stock.of(stack).add(ITEM, 10, REASON)
    write = clean_up._write

    def move_and_write(stack: Stack, actions: Any) -> None:
        Stock.of(stack).add(ITEM, 1, REASON)
        write(stack, actions)

    monkeypatch.setattr(clean_up, "_write", move_and_write)
    assert clean(stack) == [f"{ITEM}: it changed each of the {TRIES} times it was tried; nothing was changed"]
    assert is_sound(stack)
    assert len(rows(stack, "StockMovementsTableName")) == 1 + TRIES


def test_an_item_of_somebodys_order_stays(stack: Stack, states: States) -> None:
    leave_run(stack, states)
    order = replace(make_order(RUN, "success"), order_id="12345", customer_email="ada@example.com")
    put_order(stack, order, "CONFIRMED")
    take(stack, ITEM, 1)
    assert clean(stack) == [f"{ITEM}: an order still holds it, or its books are wrong; `orders check` says which"]
    assert [row["order_id"]["S"] for row in rows(stack, "OrdersTableName")] == ["12345"]
    assert is_sound(stack)


def test_an_item_that_somebody_has_moved_too_stays_whole_with_its_orders(stack: Stack, states: States) -> None:
    leave_run(stack, states)
    Stock.of(stack).add(ITEM, 5, "restock")
    tables = snapshot(stack)[:3]
    found = find_leftovers(stack)
    assert (found.orders, found.items, found.shared) == ((), (), (ITEM,))
    assert clean(stack) == []
    assert snapshot(stack) == [*tables, []]  # the dead letter has no item
    assert is_sound(stack)


@pytest.mark.parametrize(
    ("nth", "said", "orders_left"),
    [(1, f"{RUN}-bounce: others use its item too", 5), (6, f"{ITEM}: others use it too", 0)],
    ids=["before the first order", "before the item"],
)
def test_an_item_that_somebody_moves_meanwhile_stays(
    stack: Stack, states: States, monkeypatch: pytest.MonkeyPatch, *, nth: int, said: str, orders_left: int
) -> None:
    leave_run(stack, states)
    write, writes = clean_up._write, list[Any]()

    def move_and_write(stack: Stack, actions: Any) -> None:
        writes.append(actions)
        if len(writes) == nth:
            Stock.of(stack).add(ITEM, 5, "restock")
        write(stack, actions)

    monkeypatch.setattr(clean_up, "_write", move_and_write)
    assert said in clean(stack)
    assert len(rows(stack, "InventoryTableName")) == 1
    assert len(rows(stack, "OrdersTableName")) == orders_left
    assert is_sound(stack)


def test_an_order_of_somebodys_item_stays_whatever_it_is_called(stack: Stack) -> None:
    Stock.of(stack).add(ITEM, 10, "restock")
    put_order(stack, make_order(RUN, "success"), "CONFIRMED")
    take(stack, ITEM, 1)
    before = snapshot(stack)
    assert clean(stack) == []
    assert snapshot(stack) == before
    assert not find_leftovers(stack).shared


def test_an_order_that_is_somebody_elses_by_now_stays(stack: Stack) -> None:
    order = make_order(RUN, "stopped")
    put_order(stack, order, "FAILED")
    found = find_leftovers(stack)
    put_order(stack, replace(order, customer_email="ada@example.com"), "FAILED")
    assert list(remove_leftovers(stack, found)) == [f"{order.order_id}: somebody else has placed it again"]
    assert len(rows(stack, "OrdersTableName")) == 1


def test_an_order_goes_where_its_item_is_gone(stack: Stack) -> None:
    put_order(stack, make_order(RUN, "short", quantity=99), "REJECTED")
    assert clean(stack) == []
    assert rows(stack, "OrdersTableName") == []


def test_the_command_shows_asks_and_says_what_stays(orders: Command, stack: Stack, states: States) -> None:
    leave_run(stack, states)
    before = snapshot(stack)
    asked = orders("doctor", "--clean")
    assert (asked.code, snapshot(stack)) == (2, before)
    assert "--yes: needed where nobody can be asked: Remove this from order-processing-test?" in asked.err
    assert f"order {RUN}-bounce\n" in asked.out
    assert f"item {ITEM}\n" in asked.out

    done = orders("doctor", "--clean", "--yes")
    assert done.code == 0
    assert done.out.endswith("removed all of it\n")
    assert "what stays: executions (90 days)" in done.err

    again = orders("doctor", "--clean")
    assert (again.code, again.out) == (0, "probes have left nothing in order-processing-test\n")
    assert orders("check").code == 0


def test_the_command_says_what_had_to_stay(orders: Command, stack: Stack, states: States) -> None:
    leave_run(stack, states)
    states.put(f"{RUN}-bounce", "RUNNING", make_order(RUN, "bounce", mailbox="bounce").to_input(1))
    answer = orders("doctor", "--clean", "--yes")
    assert answer.code == 1
    assert f"{RUN}-bounce: its execution is still under way" in answer.err
    assert "removed all" not in answer.out


def test_the_command_names_what_others_use_too(orders: Command, stack: Stack, states: States) -> None:
    leave_run(stack, states)
    Stock.of(stack).add(ITEM, 5, "restock")
    stays = f"item {ITEM} stays, and its orders: others use it too\n"
    done = orders("doctor", "--clean", "--yes")
    assert (done.code, done.out.startswith(stays)) == (0, True)
    again = orders("doctor", "--clean")
    assert (again.code, again.out) == (0, stays)
