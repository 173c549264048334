"""What docs/commands.md says a command costs is what it costs, on two stacks of different sizes."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from local.aws import ROOT
from ops.books import commands as check_command
from ops.dead_letters import queues as dead_letters
from ops.stack import Stack
from tests.ops.cloud_logs import CloudLogs
from tests.ops.command import Command
from tests.ops.moto_stack import moto_stack, put
from tests.ops.orders.test_publish import ORDER
from tests.ops.states import States
from tests.ops.stock.test_movements import put_loose

_ROW = re.compile(r"^\| (`orders [^`]+`[^|]*) \| `([^`]+)` \|", re.MULTILINE)
COSTS = dict(_ROW.findall((ROOT / "docs" / "commands.md").read_text("utf-8")))
_PAGE = 3  # rows


@dataclass
class Counted:
    """A stack of `size`, whose tables have pages of three rows and whose calls are counted."""

    stack: Stack
    states: States
    orders: Command
    folder: Path
    size: int
    calls: Counter[str] = field(default_factory=Counter)

    def pages(self, table: str) -> int:
        return sum(1 for _ in self.stack.client("dynamodb").get_paginator("scan").paginate(TableName=self.stack[table]))

    def file(self, *item_ids: str) -> str:
        """Write a count of these items, one piece each."""
        file = self.folder / "count.csv"
        file.write_text("\n".join(["item_id,available", *(f"{item_id},1" for item_id in item_ids)]), encoding="utf-8")
        return str(file)


@pytest.fixture(params=[2, 7], ids=["small", "larger"])
def counted(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Counted]:
    """Give it with as many items as its size, of one movement each, and twice as many CONFIRMED orders."""
    monkeypatch.setattr(dead_letters, "_WAIT", 0)
    monkeypatch.setattr(check_command, "PAUSE_SECONDS", 0)
    states = States()
    with moto_stack(tables=True, queues=True, states=states) as moto:
        stack = replace(
            moto,
            outputs={**moto.outputs, "OrderTopicArn": moto.client("sns").create_topic(Name="o")["TopicArn"]},
            _clients={
                **moto._clients,
                "logs": CloudLogs(calls=states.calls),
                "cloudformation": CloudLogs(calls=states.calls),
            },
        )
        counted = Counted(stack, states, Command(stack, monkeypatch), tmp_path, request.param, states.calls)
        for number in range(counted.size):
            counted.orders("stock", "add", f"item{number}", "10")
            put_order(stack, f"a{number}", "CONFIRMED", loose=1)
            put_order(stack, f"b{number}", "CONFIRMED", loose=1)
        with counting(stack, counted.calls):
            yield counted


def put_order(stack: Stack, order_id: str, status: str, *, attempt: int = 1, **quantities: int) -> None:
    lines = [{"M": {"item_id": {"S": item}, "quantity": {"N": str(n)}}} for item, n in quantities.items()]
    texts = {"order_id": order_id, "status": status, "customer_email": "customer@example.com"}
    row: dict[str, Any] = {name: {"S": text} for name, text in texts.items()}
    put(stack, "OrdersTableName", **row, attempt={"N": str(attempt)}, items={"L": lines})


@contextmanager
def counting(stack: Stack, calls: Counter[str]) -> Iterator[None]:
    """Count calls, and have small pages, while it lasts."""

    def count(model: Any, **_: Any) -> None:
        calls[model.name] += 1

    def limit(params: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**params, "Limit": _PAGE}

    dynamodb, sns = stack.client("dynamodb").meta.events, stack.client("sns").meta.events
    sqs = stack.client("sqs").meta.events
    hooks: list[tuple[Any, str, Callable[..., Any]]] = [
        (dynamodb, "before-call.dynamodb", count),
        (sns, "before-call.sns", count),
        (sqs, "before-call.sqs", count),
        (dynamodb, "provide-client-params.dynamodb.Scan", limit),
    ]
    for events, event, hook in hooks:
        events.register(event, hook)
    yield
    for events, event, hook in hooks:  # a client outlives its test
        events.unregister(event, hook)


def put_spoilt(of: Counted) -> None:
    put(of.stack, "InventoryTableName", item_id={"S": "item0"}, available={"S": "5"}, movements={"N": "1"})


def put_executions(of: Counted) -> None:
    put_order(of.stack, "12345", "FAILED", attempt=of.size, tea=2)
    for number in range(1, of.size + 1):
        of.states.put("12345" if number == 1 else f"12345--{number}", "FAILED", ORDER.to_input(number))


def put_untaken(of: Counted) -> None:
    put_loose(of.stack, "loose", 5)
    for item_id in items(of):
        put_order(of.stack, f"untaken-{item_id}", "CONFIRMED", **{item_id: 1})


def put_running(of: Counted) -> None:
    for number in range(of.size):
        of.states.put(f"r{number}", "RUNNING", "{}", began=10**10)


def put_loose_items(of: Counted) -> None:
    for number in range(of.size):
        put_loose(of.stack, f"loose{number}", 0)
    put_loose(of.stack, "loose", 5)


def place_file(of: Counted) -> list[str]:
    file = of.folder / "orders.json"
    entry = '{"order_id": "p%d", "customer_email": "a@example.com", "items": [{"item_id": "tea", "quantity": 1}]}'
    file.write_text("[" + ",".join(entry % number for number in range(of.size)) + "]", encoding="utf-8")
    return ["place", str(file)]


def items(of: Counted, name: str = "item") -> list[str]:
    return [f"{name}{number}" for number in range(of.size)]


# What is there beforehand, and the command.
CASES: dict[str, tuple[Callable[[Counted], None], Callable[[Counted], list[str]]]] = {
    "`orders stock show`": (lambda _: None, lambda _: ["stock", "show"]),
    "`orders stock show ITEM…`": (lambda _: None, lambda of: ["stock", "show", *items(of)]),
    "`orders stock add ITEM PIECES`": (lambda _: None, lambda _: ["stock", "add", "item0", "1"]),
    "`orders stock add ITEM PIECES`, its first movement": (
        put_loose_items, lambda _: ["stock", "add", "loose", "1"],
    ),
    "`orders stock set ITEM AVAILABLE`": (lambda _: None, lambda _: ["stock", "set", "item0", "1"]),
    "`orders stock set ITEM AVAILABLE`, of an odd row": (put_spoilt, lambda _: ["stock", "set", "item0", "1"]),
    "`orders stock reconcile ITEM`": (
        lambda of: put_order(of.stack, "extra", "CONFIRMED", item0=1),
        lambda _: ["stock", "reconcile", "item0", "--reason", "x"],
    ),
    "`orders stock import FILE`": (lambda _: None, lambda of: ["stock", "import", of.file(*items(of)), "--yes"]),
    "`orders stock import FILE`, first movements of them all": (
        put_loose_items, lambda of: ["stock", "import", of.file(*items(of, "loose")), "--yes"],
    ),
    "`orders check`": (lambda of: put_loose(of.stack, "loose", 5), lambda _: ["check"]),
    "`orders check`, where items disagree": (put_untaken, lambda _: ["check"]),
    "`orders list`": (lambda _: None, lambda _: ["list"]),
    "`orders stuck`": (put_running, lambda _: ["stuck"]),
    "`orders show ORDER`, without the dead letters": (put_executions, lambda _: ["show", "12345"]),
    "`orders logs ORDER`": (lambda _: None, lambda _: ["logs", "a0"]),
    "`orders cancel ORDER`": (lambda of: put_loose(of.stack, "loose", 5), lambda _: ["cancel", "a0", "--yes"]),
    "`orders retry ORDER`": (put_executions, lambda _: ["retry", "12345"]),
    "`orders place FILE`": (lambda _: None, place_file),
}  # fmt: skip


def test_every_command_of_the_table_is_counted() -> None:
    assert list(COSTS) == list(CASES)


@pytest.mark.parametrize("command", CASES)
def test_a_command_costs_what_the_table_says(counted: Counted, command: str) -> None:
    prepare, typed = CASES[command]
    prepare(counted)
    size = counted.size
    letters = {
        "O": counted.pages("OrdersTableName"),
        "I": counted.pages("InventoryTableName"),
        "M": counted.pages("StockMovementsTableName"),
        "R": math.ceil(size / 2),
    }
    letters |= dict.fromkeys("ncwx", size) | {"m": 1}
    arguments = typed(counted)
    counted.calls.clear()

    counted.orders(*arguments)

    expected = eval(COSTS[command], {"__builtins__": {}, "ceil": math.ceil}, letters)  # noqa: S307 - our own page's
    assert counted.calls.total() == expected, counted.calls
