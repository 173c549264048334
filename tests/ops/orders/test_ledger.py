"""An order's row and its executions, as they are read: whole, by name, and whatever a hand has left out."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.shared.execution_name import execution_name
from functions.shared.order import Line
from ops.orders.execution import Attempt, order_in
from ops.orders.ledger import Filter, Orders, is_explained
from ops.stack import Stack
from ops.tables import scan as tables
from ops.tables.order_row import OrderRow, items_in_words
from tests.clients import pose_as_client
from tests.ops.moto_stack import moto_stack, put
from tests.ops.states import MACHINE, START, States


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with moto_stack(tables=True) as stack:
        for number, (status, mail) in enumerate(
            [("PROCESSING", None), ("CONFIRMED", "SENT"), ("CONFIRMED", "UNKNOWN"), ("FAILED", None)]
        ):
            at = (START + timedelta(hours=number)).isoformat(timespec="milliseconds")
            row = {"status": {"S": status}, "updated_at": {"S": at}} | ({"email_status": {"S": mail}} if mail else {})
            put(stack, "OrdersTableName", order_id={"S": f"order-{number}"}, **row)
        put(stack, "OrdersTableName", order_id={"S": "by hand"}, items={"S": "two teas"}, updated_at={"S": "today"})
        yield stack


def orders(stack: Stack | None = None, states: States | None = None) -> Orders:
    dynamodb = stack.client("dynamodb") if stack else None
    return Orders(
        pose_as_client(dynamodb), pose_as_client(states or States()), table="OrdersTableName", machine=MACHINE
    )


def content(order_id: str, attempt: int) -> str:
    return json.dumps({"order_id": order_id, "attempt": attempt})


def test_a_row_is_read_whole() -> None:
    line = {"M": {"item_id": {"S": "tea"}, "quantity": {"N": "2"}}}
    texts = {
        "order_id": "12345",
        "status": "CONFIRMED",
        "customer_email": "customer@example.com",
        "created_at": "2026-01-01T00:00:00.000+00:00",
        "updated_at": "2026-01-01T00:00:01.500+00:00",
        "status_reason": "because",
        "email_status": "SENT",
        "email_message_id": "mail-1",
        "email_error": "none",
    }
    item: dict[str, Any] = {name: {"S": value} for name, value in texts.items()}
    assert OrderRow.from_item(item | {"attempt": {"N": "3"}, "items": {"L": [line]}}) == OrderRow(
        order_id="12345",
        status="CONFIRMED",
        attempt=3,
        customer_email="customer@example.com",
        lines=(Line("tea", 2),),
        created_at=START,
        updated_at=START + timedelta(seconds=1.5),
        status_reason="because",
        email_status="SENT",
        email_message_id="mail-1",
        email_error="none",
    )


def test_a_row_written_by_hand_is_read_as_far_as_it_goes(stack: Stack) -> None:
    row = orders(stack).row("by hand")
    assert row is not None
    assert (row.status, row.attempt, row.lines, row.updated_at) == (None, None, (), None)
    assert orders(stack).row("nobody's") is None


def test_rows_are_read_together_as_far_as_there_are_any(stack: Stack) -> None:
    found = orders(stack).rows_of([f"order-{number}" for number in range(150)])
    assert sorted(found) == [f"order-{number}" for number in range(4)]
    assert orders(stack).rows_of([]) == {}


def test_rows_that_dynamodb_did_not_get_to_are_asked_for_again(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    client: Any = stack.client("dynamodb")
    read = client.batch_get_item

    def read_one(RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803 - boto3's name
        ((table, asked),) = RequestItems.items()
        first, *rest = asked["Keys"]
        answer: dict[str, Any] = read(RequestItems={table: {**asked, "Keys": [first]}})
        return answer | {"UnprocessedKeys": {table: {**asked, "Keys": rest}} if rest else {}}

    monkeypatch.setattr(client, "batch_get_item", read_one)
    monkeypatch.setattr(tables, "_PAUSE", 0)
    assert sorted(orders(stack).rows_of(["order-0", "order-1", "order-2"])) == ["order-0", "order-1", "order-2"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Filter(), ["by hand", "order-0", "order-1", "order-2", "order-3"]),
        (Filter(status="CONFIRMED"), ["order-1", "order-2"]),
        (Filter(mail="UNKNOWN"), ["order-2"]),
        (Filter(status="CONFIRMED", mail="SENT"), ["order-1"]),
        (Filter(since=START + timedelta(hours=2)), ["by hand", "order-2", "order-3"]),
        (Filter(before=START + timedelta(hours=1)), ["order-0"]),
        (Filter(since=START + timedelta(hours=1), before=START + timedelta(hours=2)), ["order-1"]),
    ],
)
def test_a_list_has_what_fits_each_filter(stack: Stack, wanted: Filter, found: list[str]) -> None:
    """A moment that is no moment is sorted as the text that it is."""
    read: list[int] = []
    rows = list(orders(stack).scan(wanted.parameters(), read.append))
    assert sorted(row.order_id for row in rows) == found
    assert read == [5]


def test_executions_are_looked_up_by_name_until_one_is_not_there() -> None:
    states = States()
    odd = "an order, with spaces"
    for attempt, status in ((1, "FAILED"), (2, "ABORTED"), (3, "RUNNING")):
        states.put(execution_name(odd, attempt), status, content(odd, attempt), began=attempt, took=0.5)
    states.put("other", "RUNNING", content("other", 1))
    states.tell(execution_name(odd, 1), "UpdateOrder", "TransientError")

    found = orders(states=states).attempts(odd)
    assert [(one.number, one.status, one.seconds) for one in found] == [
        (1, "FAILED", 0.5),
        (2, "ABORTED", 0.5),
        (3, "RUNNING", None),
    ]
    assert [(one.is_running, one.has_failed) for one in found] == [(False, True), (False, True), (True, False)]
    assert [(state.state, state.tries, state.error) for state in found[0].states] == [
        ("UpdateOrder", 2, "TransientError")
    ]
    latest = orders(states=states).latest(odd)
    assert latest is not None
    assert (latest.number, latest.order_id) == (3, odd)
    assert orders(states=states).attempts("nobody's") == ()
    assert orders(states=states).latest("nobody's") is None


def test_executions_that_step_functions_has_forgotten_hide_none_that_the_row_knows_of() -> None:
    states = States()
    states.put("12345--3", "FAILED", content("12345", 3))
    states.put("12345--4", "RUNNING", content("12345", 4))
    assert [one.number for one in orders(states=states).attempts("12345", at_least=3)] == [3, 4]
    latest = orders(states=states).latest("12345", at_least=3)
    assert latest is not None
    assert latest.number == 4


def test_an_execution_that_was_started_by_hand_is_of_no_order() -> None:
    states = States()
    states.put("by-hand", "FAILED", "[1]")
    found = orders(states=states).named("by-hand")
    assert found is not None
    assert (found.order_id, found.number, found.has_failed) == (None, 1, True)


def test_the_state_an_execution_is_in_is_told_by_its_newest_events() -> None:
    states = States()
    states.tell("12345", "UpdateOrder")
    states.tell("12345", "SendConfirmation", *["TransientError"] * 150, ends=False)
    newest = orders(states=states).newest_state("12345")
    assert newest is not None
    assert (newest.state, newest.tries, newest.error) == ("SendConfirmation", 150, "TransientError")
    assert orders(states=states).newest_state("just started") is None


def test_executions_are_listed_the_newest_first_in_pages_all_or_those_that_run() -> None:
    states = States()
    for number in range(7):
        states.put(f"{number}", "RUNNING" if number in (0, 6) else "SUCCEEDED", "{}", began=number)
    reader, found = orders(states=states), list[int]()
    pages = [([one.name for one in page.executions], page.is_last) for page in reader.listed()]
    assert pages == [(["6", "5"], False), (["4", "3"], False), (["2", "1"], False), (["0"], True)]
    assert [one.name for one in reader.running(found.append)] == ["6", "0"]
    assert found == [2]


@pytest.mark.parametrize("order_id", ["12345", "a-b_c", "12345--2", "#1002", "an order, with spaces", "-5", "x" * 65])
@pytest.mark.parametrize("number", [1, 2, 31])
def test_the_name_of_an_execution_tells_its_order_or_nothing(order_id: str, number: int) -> None:
    told = order_in(execution_name(order_id, number))
    assert told == ((order_id, number) if order_id in ("12345", "a-b_c", "-5") else None)


def test_times_are_in_utc_whatever_the_clock_on_the_wall() -> None:
    states = States()
    states.put("12345", "FAILED", content("12345", 1))
    found = orders(states=states).named("12345")
    assert found is not None
    assert found.started_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert found.started_at.tzinfo is UTC


def test_items_are_named_as_in_the_mail() -> None:
    assert items_in_words((Line("item001", 2), Line("item002", 1))) == "2 × item001, 1 × item002"


@pytest.mark.parametrize(
    ("status", "mail", "execution", "explained"),
    [
        (None, None, None, False),
        (None, None, "RUNNING", True),
        (None, None, "FAILED", False),
        ("PROCESSING", None, "RUNNING", True),
        ("PROCESSING", None, "ABORTED", False),  # its release may be a dead letter
        ("PROCESSING", None, None, False),
        ("ODD", None, "SUCCEEDED", False),
        ("FAILED", None, "FAILED", True),
        ("REJECTED", None, "SUCCEEDED", True),
        ("CANCELLED", None, None, True),
        ("CONFIRMED", "DELIVERED", "SUCCEEDED", True),
        ("CONFIRMED", "REJECTED", "FAILED", True),
        ("CONFIRMED", None, "TIMED_OUT", False),
        ("CONFIRMED", "UNKNOWN", "FAILED", False),  # what became of the mail may be a dead letter
    ],
)
def test_dead_letters_are_looked_for_only_where_row_and_execution_leave_something_open(
    status: str | None, mail: str | None, execution: str | None, explained: bool
) -> None:
    row = OrderRow.from_item(
        {"order_id": {"S": "12345"}, "status": {"S": status}} | ({"email_status": {"S": mail}} if mail else {})
    )
    latest = Attempt("12345", execution, START, number=1, input="{}") if execution else None
    assert is_explained(row if status else None, latest) is explained


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("updated_at", value) for value in ({"N": "1"}, {"S": ""}, {"S": "2026-13-01"})],
        ("created_at", {"S": "0001-01-01T00:00:00+14:00"}),
        *[("attempt", value) for value in ({"N": "1.5"}, {"N": "0"}, {"S": "1"}, {"N": "NaN"}, {"NULL": True})],
        ("items", {"L": [{"S": "tea"}]}),
        ("items", {"L": [{"M": {}}]}),
        ("items", {"L": [{"M": {"item_id": {"S": "tea"}}}]}),
        ("items", {"L": []}),
        ("items", {"M": {}}),
        ("status", {"N": "1"}),
        ("email_claim", {"SS": ["a"]}),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_odd_about_a_row_is_named_and_the_rest_read(name: str, value: dict[str, Any]) -> None:
    line = {"M": {"item_id": {"S": "tea"}, "quantity": {"N": "2"}}}
    sound = {"order_id": {"S": "12345"}, "status": {"S": "FAILED"}, "attempt": {"N": "1"}, "items": {"L": [line]}}
    assert OrderRow.from_item(sound).problems == ()
    found = OrderRow.from_item(sound | {name: value})
    assert [problem.attribute for problem in found.problems] == [name]
    assert getattr(found, {"items": "lines"}.get(name, name)) in (None, ())
    assert found.order_id == "12345"


def test_only_an_order_that_was_cancelled_before_it_came_lacks_attempt_and_items() -> None:
    for status, lacking in (("CANCELLED", []), ("PROCESSING", ["attempt", "items"]), (None, ["attempt", "items"])):
        item = {"order_id": {"S": "12345"}} | ({"status": {"S": status}} if status else {})
        assert [problem.attribute for problem in OrderRow.from_item(item).problems] == lacking
