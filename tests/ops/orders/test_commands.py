"""The commands on orders as they are typed: what they print, and every way in which the answer is no.

What they do to a running workflow is tried on the deployed stack, in `tests/deployed/commands/test_orders.py`.
"""

import io
import json
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from ops.stack import Stack
from ops.terminal import screen
from tests.answers import validated
from tests.ops.command import Command
from tests.ops.dead_letters.test_queues import REFUSED, lay, take
from tests.ops.moto_stack import put, rows
from tests.ops.orders.test_publish import GOOD, ORDER
from tests.ops.states import START, States

TYPED = ("place", "--item", "tea=2", "--email", "customer@example.com")


@pytest.fixture
def orders(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Command:
    return Command(stack, monkeypatch)


def put_order(stack: Stack, order_id: str, status: str, mail: str | None = None, *, minutes: float = 0) -> None:
    lines = [{"M": {"item_id": {"S": "tea"}, "quantity": {"N": "2"}}}]
    changed = (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat(timespec="milliseconds")
    texts = {"order_id": order_id, "status": status, "customer_email": "customer@example.com", "updated_at": changed}
    row: dict[str, Any] = {name: {"S": text} for name, text in texts.items()}
    row |= {"attempt": {"N": "1"}, "items": {"L": lines}} | ({"email_status": {"S": mail}} if mail else {})
    put(stack, "OrdersTableName", **row)


def published(stack: Stack) -> list[Any]:
    """Take the messages out of the order queue."""
    messages = stack.client("sqs").receive_message(QueueUrl=stack["OrderQueueUrl"], MaxNumberOfMessages=10)
    return [json.loads(message["Body"]) for message in messages.get("Messages", ())]


def refused(orders: Command, *arguments: str, code: int, told: str) -> None:
    """Run a command that must end so, and print nothing that could be taken for an answer."""
    answer = orders(*arguments)
    assert (answer.code, answer.out) == (code, ""), answer
    assert told in answer.err.replace("\n", " ")


# ---------------------------------------------------------------------------------------------------- place


def test_an_order_is_placed_from_options_a_file_or_standard_input(
    orders: Command, stack: Stack, tmp_path: Path
) -> None:
    assert orders(*TYPED, "--order-id", "12345").out == "12345\n"
    assert published(stack) == [GOOD]
    (placed,) = orders.json("place", "--item", "a=b=2", "--email", "a@example.com", schema="place")["orders"]
    (message,) = published(stack)
    assert (message["order_id"], message["items"]) == (placed["order_id"], [{"item_id": "a=b", "quantity": 2}])

    (tmp_path / "orders.json").write_text(json.dumps([GOOD, GOOD | {"order_id": "x"}]), "utf-8")
    assert orders("place", str(tmp_path / "orders.json")).out == "12345\nx\n"
    assert orders("place", "-", stdin=json.dumps(GOOD | {"extra": 1})).out == "12345\n"
    assert [message["order_id"] for message in published(stack)] == ["12345", "x", "12345"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "an order is needed: a FILE, or --item ITEM=QUANTITY (once for each) and --email ADDRESS"),
        (("--item", "tea=1"), "an order is needed"),
        (("--email", "a@example.com"), "an order is needed"),
        (("--item", "tea", "--email", "a@example.com"), "--item: must be ITEM=QUANTITY, as in item001=2, not 'tea'"),
        (("--item", "=1", "--email", "a@example.com"), "--item: must be a text of 1 to 256 characters"),
        (("--item", "tea=1000001", "--email", "a@example.com"), "--item: must be a whole number from 1 to 1000000"),
        (("--item", "tea=1", "--email", "nobody"), "--email: must be one plain ASCII e-mail address"),
        (("--item", "tea=1", "--email", "a@example.com", "--order-id", ""), "--order-id: must be a text"),
        (("nowhere.json",), "FILE: nowhere.json: No such file or directory"),
        (("-", "--item", "tea=1"), "FILE: --item, --email and --order-id are for an order without a file"),
        (("-",), "standard input: must hold an order or a list of orders, as JSON"),
        ((*TYPED[1:], "--timeout", "soon"), "--timeout: must be a length of time"),
    ],
)
def test_what_is_no_order_is_named_with_its_rule_and_nothing_is_published(
    orders: Command, stack: Stack, arguments: tuple[str, ...], told: str
) -> None:
    refused(orders, "place", *arguments, code=2, told=told)
    assert published(stack) == []


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\xff\xd8\xff", "not UTF-8: byte 0xff in line 1, byte 1 of the line"),
        (b'{"order_id": "1",\n"items": "caf\xe9"}', "not UTF-8: byte 0xe9 in line 2, byte 14 of the line"),
        (b"\xef\xbb\xbf" + json.dumps(GOOD).encode(), "must not begin with a byte order mark (U+FEFF)"),
    ],
)
def test_a_file_and_standard_input_are_read_by_the_same_rules(
    orders: Command, stack: Stack, tmp_path: Path, content: bytes, told: str
) -> None:
    file = tmp_path / "order.json"
    file.write_bytes(content)
    refused(orders, "place", str(file), code=2, told=f"FILE: {file}: {told}")
    answer = orders("place", "-", stdin=content)
    assert (answer.code, answer.out) == (2, "")
    assert f"FILE: standard input: {told}" in answer.err
    assert published(stack) == []


def test_every_text_that_an_order_may_hold_is_published_and_comes_out_as_it_was(orders: Command, stack: Stack) -> None:
    order_id = "caf\u00e9 \ufffe\uffff\U0001f375"
    assert orders("place", "--order-id", order_id, *TYPED[1:]).code == 0
    assert [message["order_id"] for message in published(stack)] == [order_id]


def test_how_many_were_published_is_told_when_the_topic_cannot_be_reached(orders: Command, stack: Stack) -> None:
    stack.client("sns").delete_topic(TopicArn=stack["OrderTopicArn"])
    answer = orders(*TYPED)
    assert (answer.code, answer.out) == (3, "")
    assert "0 of 1 orders were published; to place all of them again is safe" in answer.err


# ---------------------------------------------------------------------------------------------------- show, list


def test_an_order_is_shown_with_what_is_wrong_with_it_and_no_text_of_others_drives_the_terminal(
    orders: Command, stack: Stack, states: States
) -> None:
    put_order(stack, "12345", "FAILED")
    states.put("12345", "FAILED", ORDER.to_input(1))
    states.tell("12345", "UpdateOrder", "[red]Transient\x1b[31mError")
    shown = orders("show", "12345").out
    assert "attempt 1: execution 12345 FAILED" in shown
    assert "[red]Transient" in shown
    assert "\x1b" not in shown
    assert "next: fix the cause, then `orders retry 12345`; or `orders cancel 12345`" in shown
    assert orders.json("show", "12345", schema="show")["attempts"][0]["states"][0]["tries"] == 2


def test_a_stack_trace_is_shown_only_if_asked_for_and_once(orders: Command, states: States) -> None:
    raised = '{"errorMessage": "no such table", "stackTrace": ["  File a.py\\n", "    \\u001b[31mopen()\\n"]}'
    states.put("12345", "FAILED", ORDER.to_input(1))
    for state, cause in (("ReserveInventory", raised), ("OrderFailed", f"KeyError: {raised}")):
        states.tell("12345", state, "KeyError", ends=False)
        states.histories["12345"][-1]["taskFailedEventDetails"]["cause"] = cause
    shown = orders("show", "12345").out
    assert shown.count("no such table") == 2
    assert "a.py" not in shown
    verbose = orders("show", "12345", "--verbose").out
    assert verbose.count("\n\n  ReserveInventory raised KeyError:\n    File a.py\n") == 1
    assert verbose.count("a.py") == 1
    assert "\\x1b[31mopen()" in verbose
    (reserve, _) = orders.json("show", "12345", schema="show")["attempts"][0]["states"]
    assert (reserve["reason"], reserve["trace"]) == ("no such table", "  File a.py\n    \x1b[31mopen()")


def test_a_row_that_lacks_everything_is_shown_as_it_is(orders: Command, stack: Stack) -> None:
    put(stack, "OrdersTableName", order_id={"S": "bare"})
    assert "none: it was never processed" in orders("show", "bare").out
    told = orders.json("show", "bare", schema="show")["order"]
    assert (told["status"], told["attempt"], told["items"], told["updated_at"]) == (None, None, [], None)
    assert "bare" in orders("list").out


ODD_ROWS: list[dict[str, Any]] = [
    {"attempt": {"N": "1.5"}},
    {"attempt": {"S": "1"}},
    {"attempt": {"N": "0"}},
    {"items": {"S": "two teas"}},
    {"items": {"L": [{"S": "tea"}]}},
    {"items": {"L": [{"M": {"item_id": {"S": "tea"}, "quantity": {"N": "1.5"}}}]}},
    {"items": {"L": [{"M": {"item_id": {"N": "1"}, "quantity": {"N": "1"}}}]}},
    {"items": {"NULL": True}},
    {"status": {"N": "1"}},
    {"customer_email": {"L": []}},
    {"updated_at": {"S": "yesterday"}},
    {"created_at": {"S": "0001-01-01T00:00:00+14:00"}},
    {"email_status": {"BOOL": True}},
    {"email_error": {"B": b"x"}},
]


@pytest.mark.parametrize("odd", ODD_ROWS, ids=str)
def test_an_odd_row_is_named_and_the_others_are_shown(
    orders: Command, stack: Stack, states: States, odd: dict[str, Any]
) -> None:
    put_order(stack, "good", "PROCESSING", minutes=200)
    put_order(stack, "odd", "PROCESSING", minutes=200)
    (row,) = (row for row in rows(stack, "OrdersTableName") if row["order_id"] == {"S": "odd"})
    put(stack, "OrdersTableName", **row | odd)
    states.put("odd", "FAILED", ORDER.to_input(1))
    named = f"`{next(iter(odd))}` must be "

    listed = orders("list")
    assert ("good" in listed.out, "odd" in listed.out) == (True, True)
    assert f"odd row: order odd: {named}" in listed.err
    problems = {one["order_id"]: one["problems"] for one in orders.json("list", schema="list")["orders"]}
    assert [one["attribute"] for one in problems["odd"]] == list(odd)
    assert problems["good"] == []
    assert named in orders("show", "odd").out
    assert orders.json("show", "odd", schema="show")["order"]["problems"] == problems["odd"]
    stuck = {one["order_id"]: one["what"] for one in orders.json("stuck", schema="stuck", code=1)["stuck"]}
    assert "good" in stuck
    assert "odd" not in stuck or f"its row is odd: {named}" in stuck["odd"]
    assert "odd" in orders("watch", "odd", "--for", "0s").out
    assert f"order odd: {named}" in orders("check").out or f"; {named}" in orders("check").out
    assert orders("cancel", "odd", "--yes").code in (0, 1)
    assert orders("retry", "odd").code in (0, 1)


@pytest.mark.parametrize(
    "arguments",
    [
        ("list", "--limit", "1_0"),
        ("list", "--limit", "٥"),
        ("list", "--limit", " 5"),
        ("list", "--limit", "0"),
        ("list", "--since", ""),
        ("list", "--older-than", ""),
        ("watch", "--every", "nan"),
        ("watch", "--every", "0.1"),
        ("watch", "--for", ""),
        ("place", "--item", "tea= 2", "--email", "a@example.com"),
        ("stuck", "--older-than", "2h "),
    ],
)
def test_what_is_typed_is_taken_as_it_is_or_refused_by_the_options_name(
    orders: Command, arguments: tuple[str, ...]
) -> None:
    refused(orders, *arguments, code=2, told=f"{arguments[1]}: must be ")


def test_of_an_unknown_order_nothing_is_shown_or_started(orders: Command) -> None:
    refused(orders, "show", "nobody's", code=1, told="nothing is known of it: no row, no execution, no dead letter")
    refused(orders, "retry", "nobody's", code=1, told="nothing is known of it")
    for command in ("show", "watch", "retry", "cancel"):
        refused(orders, command, "a\nb", code=2, told="ORDER: must be a text of 1 to 256 characters")


def test_dead_letters_are_read_only_for_an_order_that_nothing_else_explains(orders: Command, stack: Stack) -> None:
    put_order(stack, "explained", "CONFIRMED", "SENT")
    lay(stack, "orders", {**GOOD, "order_id": "refused"}, **REFUSED)
    told = orders.json("show", "explained", schema="show")
    assert (told["dead_letters"], told["dead_letters_unread"]) == ([], None)
    told = orders.json("show", "refused", schema="show")
    assert (len(told["dead_letters"]), told["dead_letters_unread"]) == (1, 0)
    assert told["dead_letters"][0]["receive_count"] == 1  # so the first command received none


def test_what_may_be_among_letters_that_somebody_else_holds_is_said(orders: Command, stack: Stack) -> None:
    lay(stack, "orders", {**GOOD, "order_id": "refused"}, **REFUSED)
    take(stack, "orders")
    missing = "1 more dead letter could not be read"
    refused(orders, "show", "refused", code=1, told=f"no dead letter; {missing}")
    put_order(stack, "12345", "PROCESSING")
    answer = orders("show", "12345")
    assert (answer.code, "PROCESSING" in answer.out, missing in answer.err) == (1, True, True)
    assert orders.json("show", "12345", schema="show", code=1)["dead_letters_unread"] == 1


def test_a_list_is_narrowed_and_cut_the_newest_first(orders: Command, stack: Stack) -> None:
    for number, (status, mail) in enumerate([("CONFIRMED", "SENT"), ("CONFIRMED", "BOUNCED"), ("REJECTED", None)]):
        put_order(stack, f"order-{number}", status, mail, minutes=60 * number + 1)

    def listed(*filters: str) -> list[str]:
        found = orders.json("list", *filters, schema="list")
        return [order["order_id"] for order in found["orders"]]

    assert listed() == ["order-0", "order-1", "order-2"]
    assert listed("--status", "confirmed") == ["order-0", "order-1"]
    assert listed("--mail", "BOUNCED") == ["order-1"]
    assert listed("--since", "90m") == ["order-0", "order-1"]
    assert listed("--older-than", "90m") == ["order-2"]
    cut = orders("list", "--limit", "1")
    assert "order-0" in cut.out
    assert "order-1" not in cut.out
    assert "the newest 1 of 3; --limit shows more" in cut.err
    assert orders.json("list", "--limit", "1", schema="list")["matching"] == 3
    assert "no order fits" in orders("list", "--status", "FAILED").err
    refused(orders, "list", "--since", "yesterday", code=2, told="--since: must be a length of time such as 90s")
    refused(orders, "list", "--status", "LOST", code=2, told="--status")


# ---------------------------------------------------------------------------------------------------- retry, cancel


def test_a_failed_order_is_published_again_and_the_attempt_named(orders: Command, stack: Stack, states: States) -> None:
    put_order(stack, "12345", "FAILED")
    states.put("12345", "FAILED", ORDER.to_input(1))
    assert orders("retry", "12345").out == "12345: published again; this starts attempt 2\n"
    assert published(stack) == [GOOD]
    assert orders.json("retry", "12345", schema="place") == {"orders": [{"order_id": "12345", "end": None}]}
    states.put("12345--2", "FAILED", ORDER.to_input(2))
    states.put("12345--3", "RUNNING", ORDER.to_input(3))
    published(stack)
    refused(orders, "retry", "12345", code=1, told="attempt 3 is running: published again, it would be a duplicate")
    assert published(stack) == []


def test_an_order_that_was_never_opened_is_shown_and_started_again_without_a_row(
    orders: Command, stack: Stack, states: States
) -> None:
    """DynamoDB refused its first write, and then its release: only the execution and that dead letter know of it."""
    states.put("12345", "FAILED", ORDER.to_input(1))
    assert "`orders retry 12345`: it has no row" in orders("show", "12345").out.replace("\n", " ")
    assert orders("retry", "12345").out == "12345: published again; this starts attempt 2\n"
    assert published(stack) == [GOOD]


def test_a_retry_of_what_step_functions_has_forgotten_says_what_it_leads_to(orders: Command, stack: Stack) -> None:
    put_order(stack, "12345", "FAILED")
    answer = orders("retry", "12345")
    assert answer.out == "12345: published again; this starts attempt 1\n"
    assert "Step Functions has forgotten its executions" in answer.err


def test_an_order_is_cancelled_once_somebody_says_so(
    orders: Command, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(stack, "InventoryTableName", item_id={"S": "tea"}, available={"N": "5"})
    put_order(stack, "12345", "CONFIRMED")
    question = "Order 12345 is CONFIRMED: 2 × tea for customer@example.com. Cancel it permanently?"
    refused(orders, "cancel", "12345", code=2, told=f"--yes: needed where nobody can be asked: {question}")
    refused(orders, "cancel", "12345", "--yes", "--reason", "", code=2, told="--reason: must be 1 to 200")
    monkeypatch.setattr(screen, "is_interactive", lambda: True)
    assert orders("cancel", "12345", stdin="n\n").code == 1
    assert rows(stack, "InventoryTableName")[0]["available"] == {"N": "5"}

    answer = orders("cancel", "12345", "--reason", "a second thought", stdin="y\n")
    assert (answer.code, question in answer.err) == (0, True)
    assert "12345: CANCELLED; given back: 2 × tea\n" in answer.out
    (row,) = rows(stack, "OrdersTableName")
    assert (row["status"], row["status_reason"]) == ({"S": "CANCELLED"}, {"S": "a second thought"})
    assert rows(stack, "InventoryTableName")[0]["available"] == {"N": "7"}
    assert orders("cancel", "12345").out == "12345: it is CANCELLED already\n"


def test_what_cannot_be_cancelled_is_refused_before_anybody_is_asked(orders: Command, stack: Stack) -> None:
    put_order(stack, "told", "CONFIRMED", "DELIVERED")
    put(stack, "OrdersTableName", order_id={"S": "odd"}, status={"S": "CONFIRMED"}, items={"S": "two teas"})
    refused(orders, "cancel", "told", code=1, told="too late: its mail is DELIVERED: the customer has been notified")
    refused(orders, "cancel", "odd", code=1, told="its row is odd: `items` must be a list of item_id and quantity")
    refused(orders, "cancel", "new", code=2, told="Nothing is known of order new. Close its id")


# ---------------------------------------------------------------------------------------------------- stuck, watch


def test_what_is_stuck_is_told_with_what_to_do_and_exit_code_1(orders: Command, stack: Stack) -> None:
    assert orders("stuck").out.startswith("nothing is stuck: no FAILED order")
    assert orders.json("stuck", schema="stuck") == {"stuck": [], "dead_letters": [], "odd_items": []}
    put_order(stack, "12345", "PROCESSING", minutes=130)
    answer = orders("stuck")
    assert answer.code == 1
    assert "no execution works on it" in answer.out
    (one,) = orders.json("stuck", "--older-than", "2h", schema="stuck", code=1)["stuck"]
    assert (one["order_id"], one["problem"]) == ("12345", "processing")
    assert orders("stuck", "--older-than", "3h").code == 0
    refused(orders, "stuck", "--older-than", "3", code=2, told="--older-than: must be a length of time")


def test_failed_orders_dead_letters_and_items_that_no_order_gets_are_stuck_too(orders: Command, stack: Stack) -> None:
    for number in range(12):
        put_order(stack, f"order-{number}", "FAILED")
    lay(stack, "orders", "{}", error_type="InvalidOrder")
    put(stack, "InventoryTableName", item_id={"S": "tea"})
    answer = orders("stuck")
    assert answer.code == 1
    named = [line for line in answer.out.splitlines() if line.startswith("order-")]
    assert len(named) == 10
    assert "and 2 more orders that FAILED: `orders list --status FAILED` lists them\n" in answer.out
    assert "1 dead letter in the queue orders: `orders dlq list`\n" in answer.out
    assert "odd row: item tea: `available` must be a whole number; its orders are rejected" in answer.out
    found = orders.json("stuck", schema="stuck", code=1)
    assert {one["problem"] for one in found["stuck"]} == {"failed"}
    assert [(one["queue"], one["messages"]) for one in found["dead_letters"]] == [("orders", 1)]
    assert [item["item_id"] for item in found["odd_items"]] == ["tea"]


def test_one_order_is_watched_to_its_end_a_line_a_change(orders: Command, stack: Stack, states: States) -> None:
    put_order(stack, "12345", "CONFIRMED", "SENT")
    states.put("12345", "SUCCEEDED", ORDER.to_input(1))
    states.tell("12345", "SendConfirmation")
    answer = orders("watch", "12345")
    assert (answer.code, answer.out[10:]) == (
        0,
        "12345 attempt 1: SUCCEEDED at SendConfirmation, CONFIRMED, mail SENT, 1.0 s\n",
    )
    put_order(stack, "12345", "CONFIRMED", "REJECTED")
    assert orders("watch", "12345").code == 1


def test_an_order_that_has_not_ended_in_time_ends_the_watch_with_1(orders: Command, states: States) -> None:
    assert orders("watch", "later", "--for", "0s").code == 1
    states.put("12345", "RUNNING", ORDER.to_input(1))
    states.tell("12345", "ReserveInventory", "TransientError", "TransientError", ends=False)
    answer = orders("watch", "12345", "--for", "0s")
    assert answer.code == 1
    assert "12345 attempt 1: RUNNING at ReserveInventory (2 tries: TransientError)\n" in answer.out
    assert "it has not come to its end yet" in answer.err


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made, none of which takes any time; each second of them is a second of the clock's."""
    pauses = list[float]()
    monkeypatch.setattr(time, "sleep", pauses.append)
    monkeypatch.setattr(time, "monotonic", lambda: sum(pauses))
    return pauses


@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_sixty_orders_that_ended_between_two_looks_are_all_named(
    orders: Command, states: States, slept: list[float], monkeypatch: pytest.MonkeyPatch, as_json: tuple[str, ...]
) -> None:
    ids = [f"order-{number}" for number in range(60)]

    def pause(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 1:
            for order_id in ids:
                states.put(order_id, "SUCCEEDED", f'{{"order_id": "{order_id}", "attempt": 1}}', began=1, took=1)

    states.page = 1000
    monkeypatch.setattr(time, "sleep", pause)
    answer = orders("watch", "--for", "5s", *as_json)
    assert answer.code == 0
    named = re.findall(r"order-[0-9]+ attempt|\"order_id\": \"(?:order-[0-9]+)\"", answer.out)
    assert (len(named), len(set(named))) == (60, 60)


@pytest.mark.parametrize("arguments", [(), ("--json",), ("12345",), ("12345", "--json")])
def test_a_watch_that_is_throttled_says_so_slows_down_and_goes_on(
    orders: Command, stack: Stack, states: States, slept: list[float], arguments: tuple[str, ...]
) -> None:
    put_order(stack, "12345", "PROCESSING")
    states.put("12345", "RUNNING", ORDER.to_input(1))
    calls = iter(range(1000))
    states.fails = lambda _operation: 0 < next(calls) < 4  # the first is that of a look that breaks off midway
    answer = orders("watch", "--for", "40s", *arguments)
    assert "ThrottlingException; looking again in 4 s" in answer.err
    assert "12345" in answer.out
    assert 4 in slept
    assert slept[-1] <= 2


def test_on_a_terminal_what_has_ended_is_named_above_the_table_and_trouble_below_it(
    orders: Command, states: States, slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Console(file=io.StringIO(), force_terminal=True, width=120, height=30, highlight=False)
    monkeypatch.setattr(screen, "out", terminal)
    states.put("12345", "RUNNING", ORDER.to_input(1))

    def pause(seconds: float) -> None:
        slept.append(seconds)
        for number in range(60) if len(slept) == 1 else ():
            states.put(f"order-{number}", "SUCCEEDED", "{}", began=1, took=1)
        states.fails = lambda _operation: len(slept) == 2

    monkeypatch.setattr(time, "sleep", pause)
    states.page = 1000
    assert orders("watch", "--for", "7s").code == 0
    shown = terminal.file.getvalue()  # type: ignore[attr-defined]  # it is a StringIO
    assert len(set(re.findall(r"(order-[0-9]+) attempt 1: SUCCEEDED", shown))) == 60
    assert shown.index("on the move: 1") < shown.index("list_executions: ThrottlingException; looking again in 4 s")


def test_a_watch_that_never_saw_anything_ends_with_3(orders: Command, states: States, slept: list[float]) -> None:
    states.fails = lambda _operation: True
    answer = orders("watch", "--json", "--for", "300s")
    assert (answer.code, answer.out) == (3, "")
    assert max(slept) == 60


def test_all_orders_are_watched_as_lines_of_json_for_scripts(orders: Command, stack: Stack, states: States) -> None:
    began = (datetime.now(UTC) - START).total_seconds()
    states.put("12345", "RUNNING", ORDER.to_input(1), began=began)
    states.tell("12345", "UpdateOrder", ends=False)
    put_order(stack, "12345", "PROCESSING")
    answer = orders("watch", "--json", "--for", "0s")
    assert answer.code == 0
    lines = [json.loads(line) for line in answer.out.splitlines()]
    for line in lines:
        validated(line, "watch")
    assert [line["kind"] for line in lines] == ["queues", "order"]
    assert (lines[1]["state"], lines[1]["status"]) == ("UpdateOrder", "PROCESSING")
    assert "0 messages wait, 0 dead letters" in orders("watch", "--for", "0s").out
    refused(orders, "watch", "--for", "3", code=2, told="--for: must be a length of time")
