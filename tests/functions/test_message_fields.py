"""Every field of the message reaches every place that an order passes through, and a new one fails here until it does.

A field is what the schema has. Its `examples` make two messages that differ in it alone, and what a place makes of the
one must differ from what it makes of the other. `CONTRIBUTING.md` has the recipe.
"""

import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from rich.console import Console

from functions.reserve_inventory.handler import release_inventory, reserve_inventory
from functions.send_email.handler import send_confirmation
from functions.shared.message import SCHEMA, parse_order
from functions.shared.order import Order
from functions.shared.row import Row, make_key
from functions.update_order.handler import update_order
from infra.paths import ROOT
from ops.orders import place_command
from ops.orders.answers import describe_row
from ops.orders.publish import message_of
from ops.orders.retry import plan_retry
from ops.orders.view import draw_order
from ops.stack import Stack
from ops.tables.order_row import OrderRow
from tests.functions.builders import run
from tests.functions.cloud import ORDERS, Cloud, operator
from tests.functions.wire import Wire
from tests.ops.command import Command

Field = tuple[str, ...]
Item = Mapping[str, Any]
PAGE = ROOT / "docs" / "orders.md"


def fields_of(schema: Any = SCHEMA, at: Field = ()) -> Iterator[Field]:
    """Give the path of every field that holds a value of its own."""
    if schema["type"] == "object":
        for name, rule in schema["properties"].items():
            yield from fields_of(rule, (*at, name))
    elif schema["type"] == "array":
        yield from fields_of(schema["items"], at)
    else:
        yield at


FIELDS = [*fields_of()]


def message_with(second: Field | None, schema: Any = SCHEMA, at: Field = ()) -> Any:
    """Build a message of the fields' first examples, but for one field, which has its second."""
    if schema["type"] == "object":
        return {name: message_with(second, rule, (*at, name)) for name, rule in schema["properties"].items()}
    if schema["type"] == "array":
        return [message_with(second, schema["items"], at)]
    assert len(schema.get("examples", ())) == 2, f"{'.'.join(at)}: the schema must have two `examples` of it"
    return schema["examples"][at == second]


def read_order(second: Field | None) -> Order:
    return parse_order(json.dumps(message_with(second)))


# ------------------------------------------------------------------------------------------------------ the places

# How each field of the message is given to `orders place`; a new one needs an option there, and a line here.
OPTIONS: dict[str, Callable[[Any], list[str]]] = {
    "order_id": lambda order_id: ["--order-id", order_id],
    "customer_email": lambda email: ["--email", email],
    "items": lambda items: [f"--item={line['item_id']}={line['quantity']}" for line in items],
}


@dataclass(frozen=True)
class Shop:
    """Where an order passes through: the functions on moto's tables, and the `orders` command."""

    cloud: Cloud
    wire: Wire
    command: Command
    published: list[Order]

    def item(self, order: Order) -> Item:
        """The order's row as DynamoDB returns it, but for its times."""
        found: Item = operator("dynamodb").get_item(TableName=ORDERS, Key=make_key(order.order_id))["Item"]
        return {name: value for name, value in found.items() if not name.endswith("_at")}

    def opened(self, order: Order) -> Item:
        run(update_order, order)
        return self.item(order)

    def closed_before_it_was_opened(self, order: Order) -> Item:
        run(release_inventory, order)
        return self.item(order)

    def read_by_a_step(self, order: Order) -> Row:
        return Row.from_item(self.opened(order))

    def read_by_an_operator(self, order: Order) -> OrderRow:
        return OrderRow.from_item(self.opened(order))

    def mail(self, order: Order, part: str) -> object:
        """The recipient, the subject and one part of the mail."""
        self.cloud.verify_sender()
        self.cloud.put_stock(**{line.item_id: line.quantity for line in order.lines})
        for step in (update_order, reserve_inventory, send_confirmation):
            run(step, order)
        request = self.wire.of("SendEmail")[-1]
        content = request["Content"]["Simple"]
        return request["Destination"], content["Subject"], content["Body"][part]

    def shown(self, order: Order) -> str:
        output = io.StringIO()
        Console(file=output, width=200).print(draw_order(order.order_id, self.read_by_an_operator(order), []))
        return output.getvalue()

    def placed_by_options(self, order: Order) -> Order:
        content = json.loads(message_of(order))
        words = [word for name in OPTIONS for word in OPTIONS[name](content[name])]
        answer = self.command("place", *words)
        assert answer.code == 0, answer.err
        return self.published[-1]

    def retried_from_its_row(self, order: Order) -> Order:
        run(release_inventory, order)
        return plan_retry(order.order_id, OrderRow.from_item(self.item(order)), None).order


PLACES: dict[str, Callable[[Shop, Order], object]] = {
    "functions/shared/message.py: the order that is read": lambda _shop, order: order,
    "functions/shared/order.py: the execution's input": lambda _shop, order: order.to_input(1),
    "functions/shared/order.py: the order of an input": lambda _shop, order: Order.from_input(
        json.loads(order.to_input(1))
    ),
    "functions/shared/row.py, functions/update_order/store.py: the row that UpdateOrder writes": Shop.opened,
    "functions/reserve_inventory/store.py: the row that ReleaseInventory writes": Shop.closed_before_it_was_opened,
    "functions/shared/row.py: the row that a step reads": Shop.read_by_a_step,
    "functions/send_email/templates/confirmation.txt.j2": lambda shop, order: shop.mail(order, "Text"),
    "functions/send_email/templates/confirmation.html.j2": lambda shop, order: shop.mail(order, "Html"),
    "ops/tables/order_row.py: the row that an operator reads": Shop.read_by_an_operator,
    "ops/orders/view.py: `orders show`": Shop.shown,
    "ops/orders/answers.py: `orders show --json`": lambda shop, order: describe_row(shop.read_by_an_operator(order)),
    "ops/orders/publish.py: the message of `orders place` and `orders retry`": lambda _shop, order: message_of(order),
    "ops/orders/place_command.py: the options of `orders place`": Shop.placed_by_options,
    "ops/orders/retry.py: a retry from the row alone": Shop.retried_from_its_row,
}


@pytest.fixture
def shop(cloud: Cloud, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> Shop:
    published: list[Order] = []
    monkeypatch.setattr(place_command, "publish_order", lambda _stack, order: published.append(order))
    stack: Any = object.__new__(Stack)  # nothing is asked of it: what would be published is caught above
    return Shop(cloud, wire, Command(stack, monkeypatch), published)


# ------------------------------------------------------------------------------------------------------- the tests


@pytest.mark.parametrize("field", FIELDS, ids=".".join)
@pytest.mark.parametrize("place", PLACES)
def test_a_field_of_the_message_reaches_every_place(shop: Shop, place: str, field: Field) -> None:
    def take(second: Field | None) -> object:
        shop.cloud.empty()
        return PLACES[place](shop, read_order(second))

    assert take(None) != take(field), f"{'.'.join(field)} does not reach {place}"


@pytest.mark.parametrize("place", ["input", "message"])
def test_an_order_is_the_same_after_it_was_written_and_read_again(place: str) -> None:
    order = read_order(None)
    again = Order.from_input(json.loads(order.to_input(1))) if place == "input" else parse_order(message_of(order))
    assert again == order


@pytest.mark.parametrize("name", sorted({name for field in FIELDS for name in field}))
def test_a_field_of_the_message_is_in_the_table_and_in_the_example(name: str) -> None:
    text = PAGE.read_text("utf-8").partition("## The message")[2].partition("\n## ")[0]
    (example,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    assert f"\n| `{name}` |" in text, f"docs/orders.md: the table must have `{name}`"
    assert f'"{name}":' in example, f"docs/orders.md: the example must have `{name}`"


def test_the_example_in_the_documentation_is_an_order() -> None:
    (example,) = re.findall(r"## The message\n.*?```json\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert parse_order(example).order_id == "12345"
