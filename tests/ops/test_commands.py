"""`orders stock`, `dlq` and `check` as they are typed: what they print, and every way in which the answer is no."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ops.books import check
from ops.books import commands as check_command
from ops.dead_letters import queues as dead_letters
from ops.stack import Stack
from ops.tables.order_row import OrderRow
from ops.terminal import screen
from tests.ops.command import Command
from tests.ops.dead_letters.test_queues import ABANDONED, ORDER, REFUSED, Partly, bodies_in, lay, take
from tests.ops.moto_stack import moto_stack, put, rows


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    monkeypatch.setattr(dead_letters, "_WAIT", 0)
    monkeypatch.setattr(check_command, "PAUSE_SECONDS", 0)
    with moto_stack(queues=True, tables=True) as made:
        yield made


@pytest.fixture
def orders(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Command:
    return Command(stack, monkeypatch)


def refused(orders: Command, *arguments: str, code: int, told: str) -> None:
    """Run a command that must end so, and print nothing that could be taken for an answer."""
    answer = orders(*arguments)
    assert (answer.code, answer.out) == (code, ""), answer
    assert told in answer.err.replace("\n", " ")


# ---------------------------------------------------------------------------------------------------- stock


@pytest.mark.parametrize(
    "words",
    [
        ("add", "tea", "-3rx"),
        ("add", "tea", "-3r", "typo"),
        ("add", "-wear", "10", "5"),
        ("set", "-dash", "10"),
        ("add", "--yes", "5"),
    ],
    ids=" ".join,
)
def test_an_option_that_a_command_has_not_is_no_part_of_an_item(
    orders: Command, stack: Stack, words: tuple[str, ...]
) -> None:
    assert orders("stock", *words).code == 2
    assert rows(stack, "InventoryTableName") == []


def test_an_item_may_begin_with_a_hyphen_after_two_of_them(orders: Command) -> None:
    assert orders("stock", "add", "--", "-dash", "10").out == "-dash: +10, 10 available now\n"
    assert orders("stock", "add", "--reason", "counted", "--", "-dash", "-3").out == "-dash: -3, 7 available now\n"


def test_stock_is_shown_with_its_movements(orders: Command, stack: Stack) -> None:
    assert "there is no stock yet" in orders("stock", "show").err
    assert orders("stock", "add", "tea", "10", "--reason", "[bold]first").out == "tea: +10, 10 available now\n"
    assert orders("stock", "add", "tea", "-3").out == "tea: -3, 7 available now\n"
    assert orders("stock", "set", "tea", "7").out == "tea: 7 available already; nothing to correct\n"
    put(stack, "InventoryTableName", item_id={"S": "loose\x1b[31m"}, available={"N": "1"})

    everything = orders("stock", "show").out
    assert "none" in everything
    assert "\x1b" not in everything  # what somebody wrote drives no terminal
    assert "[bold]first" in orders("stock", "show", "tea").out  # and is no markup
    put(stack, "InventoryTableName", item_id={"S": "tea"}, available={"N": "2"}, movements={"N": "2"})
    held = (
        "tea: 2 available, and 5 more held by CONFIRMED orders, which `orders list --status CONFIRMED --item tea` lists"
    )
    assert held in orders("stock", "show", "tea").out
    (tea,) = orders.json("stock", "show", "tea", schema="stock-show")["items"]
    assert [(one["number"], one["change"], one["reason"]) for one in tea["history"]] == [
        (1, 10, "[bold]first"),
        (2, -3, "restock"),
    ]
    assert len(orders.json("stock", "show", schema="stock-show")["items"]) == 2


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("show", "cup", "pot"), 1, "unknown: cup, pot"),
        (("add", "cup", "-1"), 1, "1 cannot be taken away, 0 are available"),
        (("add", "cup", "0"), 2, "PIECES: must not be 0"),
        (("add", "cup", "1.5"), 2, "PIECES: must be a whole number"),
        (("set", "cup", "-1"), 2, "AVAILABLE: must be a whole number from 0"),
        (("add", "a\nb", "1"), 2, "ITEM: must be a text of 1 to 256 characters"),
        (("add", "cup", "1", "--reason", ""), 2, "--reason: must be 1 to 200 printable characters"),
        (("reconcile", "cup", "--reason", "x"), 1, "unknown: cup"),
        (("reconcile", "cup"), 2, "--reason"),
        (("import", "nowhere.csv"), 2, "nowhere.csv"),
    ],
)
def test_what_cannot_be_done_with_stock_says_why(
    orders: Command, arguments: tuple[str, ...], code: int, told: str
) -> None:
    refused(orders, "stock", *arguments, code=code, told=told)
    assert "there is no stock yet" in orders("stock", "show").err


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "count.csv"


def test_a_file_sets_its_items_and_run_again_changes_nothing(orders: Command, file: Path) -> None:
    file.write_text('item_id,available\ntea,7\n\n"tea, green",3\n', encoding="utf-8-sig")  # as spreadsheets write it

    answer = orders("stock", "import", str(file), "--yes").out
    assert answer.endswith("2 items: 2 new, 0 changed, 0 as they were\n")
    assert orders("stock", "import", str(file)).out == "2 items: 0 new, 0 changed, 2 as they were\n"

    found = orders.json("stock", "show", "tea", "tea, green", schema="stock-show")["items"]
    assert [(one["available"], one["history"][0]["reason"]) for one in found] == [
        (7, "import of count.csv"),
        (3, "import of count.csv"),
    ]


def test_what_a_file_would_do_is_shown_before_anything_is_written(
    orders: Command, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An id that was mistyped is a new item."""
    orders("stock", "add", "tea", "5")
    orders("stock", "add", "cup", "2")
    file.write_text("item_id,available\ntea,7\nteaa,1\ncup,2\n", encoding="utf-8")
    question = "3 items: 1 new, 1 changed, 1 as they were. Write it?"
    assert orders("stock", "import", str(file)).code == 2
    monkeypatch.setattr(screen, "is_interactive", lambda: True)

    answer = orders("stock", "import", str(file), stdin="n\n")

    assert (answer.code, question in answer.err) == (1, True)
    shown = [line.split() for line in answer.out.splitlines()[2:4]]
    assert shown == [["new", "teaa", "1"], ["changed", "tea", "5", "7"]]
    assert {one["item_id"]: one["available"] for one in orders.json("stock", "show", schema="stock-show")["items"]} == {
        "tea": 5,
        "cup": 2,
    }
    assert orders("stock", "import", str(file), stdin="y\n").out.endswith("1 new, 1 changed, 1 as they were\n")


def test_what_a_file_did_is_told_as_json(orders: Command, file: Path) -> None:
    orders("stock", "add", "tea", "5")
    file.write_text("item_id,available\ntea,7\ncup,1\n", encoding="utf-8")
    refused(orders, "stock", "import", str(file), "--json", code=2, told="--yes: needed where nobody can be asked")
    found = orders.json("stock", "import", str(file), "--yes", schema="stock-import")
    assert found == {
        "items": [
            {"item_id": "tea", "what": "changed", "before": 5, "available": 7},
            {"item_id": "cup", "what": "new", "before": None, "available": 1},
        ],
        "new": 1,
        "changed": 1,
        "as_they_were": 0,
    }


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("3.15\u202fPM.csv", "import of 3.15\u202fPM.csv"),
        ("a\tb.csv", "import of a\ufffdb.csv"),
        ("a" * 200 + ".csv", "import of " + "a" * 189 + "…"),
        (" .csv ", "import of  .csv "),
    ],
)
def test_a_file_may_have_any_name(orders: Command, tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / name).write_text("item_id,available\ntea,7\n", encoding="utf-8")
    assert orders("stock", "import", str(tmp_path / name), "--yes").code == 0
    (tea,) = orders.json("stock", "show", "tea", schema="stock-show")["items"]
    assert tea["history"][0]["reason"] == reason


def test_a_file_with_anything_wrong_in_it_changes_nothing_and_names_every_line(orders: Command, file: Path) -> None:
    file.write_text("item_id,available\ntea,7\ncup,two\ntea,8\npot\n,4\n", encoding="utf-8")
    for told in (
        "nothing was written",
        "line 3: available: must be a whole number from 0 to 1000000000, in digits alone, not 'two'",
        "line 4: item_id: 'tea' is already in line 2",
        "line 5: must have 2 columns, not 1",
        "line 6: item_id: must be a text of 1 to 256 characters",
    ):
        refused(orders, "stock", "import", str(file), "--yes", code=2, told=told)
    assert "there is no stock yet" in orders("stock", "show").err


def test_a_file_that_cannot_be_read_says_why(orders: Command, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("item_id,available\n", encoding="utf-8")
    refused(orders, "stock", "import", str(file), "--reason", "", code=2, told="--reason: must be 1 to 200 printable")

    def unreadable(_path: Path) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "read_bytes", unreadable)
    refused(orders, "stock", "import", str(file), code=2, told="Input/output error")


# ---------------------------------------------------------------------------------------------------- dead letters


def test_letters_are_listed_and_shown_with_what_to_do(orders: Command, stack: Stack) -> None:
    assert "there are no dead letters" in orders("dlq", "list").err
    wrong, release = lay(stack, "orders", ORDER, **REFUSED), lay(stack, "releases", ABANDONED)
    lay(stack, "mail-events", "no \x1b[31mJSON")

    listed = orders("dlq", "list")
    for told in (wrong[:8], release[:8], "InvalidOrder", "items: must be a list", "mail-events"):
        assert told in listed.out
    assert len(orders.json("dlq", "list", schema="dlq-list")["letters"]) == 3
    (only,) = orders.json("dlq", "list", "--queue", "releases", schema="dlq-list")["letters"]
    assert (only["message_id"], only["order_id"], json.loads(only["body"])) == (release, "12345", ABANDONED)
    shown = orders("dlq", "show", wrong).out
    assert wrong in shown
    assert '    "order_id": "12345",\n' in shown
    assert "what to do: it was never an order: correct it and publish it again, under the same id unless" in shown
    assert "`orders retry 12345`" in orders.json("dlq", "show", release, schema="dlq-show")["advice"]
    (event,) = orders.json("dlq", "list", "--queue", "mail-events", schema="dlq-list")["letters"]
    assert event["body"] == "no \x1b[31mJSON"
    assert r"no \x1b[31mJSON" in orders("dlq", "show", event["message_id"]).out


def test_letters_in_somebody_else_s_hands_are_never_silently_missing(orders: Command, stack: Stack) -> None:
    held = lay(stack, "orders", "held")
    take(stack, "orders")
    refused(orders, "dlq", "list", code=1, told="none could be read error: 1 more dead letter could not be read")
    lay(stack, "orders", ORDER)
    missing = "1 more dead letter could not be read: somebody else is looking, or was just now; run this again"

    listed = orders("dlq", "list")
    assert (listed.code, "12345" in listed.out) == (1, True)
    assert missing in listed.err
    found = orders.json("dlq", "list", schema="dlq-list", code=1)
    assert (len(found["letters"]), found["unread"]) == (1, 1)
    for command in (("show",), ("redrive", "--yes"), ("drop", "--yes")):
        refused(orders, "dlq", *command, held, code=1, told=f"no dead letter {held!r}; {missing}")
    (readable,) = found["letters"]
    assert orders("dlq", "show", readable["message_id"]).code == 0
    redriven = orders("dlq", "redrive", "--all")
    assert (redriven.code, redriven.out) == (1, "1 redriven\n")
    assert missing in redriven.err
    dropped = orders("dlq", "drop", "--all", "--yes")
    assert (dropped.code, dropped.out, missing in dropped.err) == (1, "", True)


def test_all_that_redriving_can_help_is_redriven_and_the_rest_named(orders: Command, stack: Stack) -> None:
    lay(stack, "orders", ORDER)
    lay(stack, "mail-events", "event")
    wrong, release = lay(stack, "orders", "wrong", **REFUSED), lay(stack, "releases", ABANDONED)

    answer = orders("dlq", "redrive", "--all")

    assert (answer.code, answer.out) == (0, "2 redriven\n")
    assert "left: " in answer.err
    assert f"{wrong[:8]} (orders)" in answer.err
    assert f"{release[:8]} (12345)" in answer.err
    assert bodies_in(stack, "OrderQueueUrl") == [json.dumps(ORDER)]
    assert bodies_in(stack, "MailEventQueueUrl") == ["event"]


def test_a_refused_letter_goes_back_only_if_somebody_says_so(
    orders: Command, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = lay(stack, "orders", "wrong", **REFUSED)
    refused(orders, "dlq", "redrive", wrong, code=2, told="--yes: needed where nobody can be asked")
    with monkeypatch.context() as patch:
        patch.setattr(screen, "is_interactive", lambda: True)
        answer = orders("dlq", "redrive", wrong, stdin="n\n")
        assert answer.code == 1
        assert "refused for what it holds, as it would be again. Redrive all the same? [y/N]" in answer.err
        assert bodies_in(stack, "OrderQueueUrl") == []
        assert orders("dlq", "redrive", wrong, stdin="y\n").code == 0
    assert bodies_in(stack, "OrderQueueUrl") == ["wrong"]
    again = lay(stack, "orders", "again", **REFUSED)
    assert orders("dlq", "redrive", again[:8], "--yes").out == "1 redriven\n"


def test_a_release_is_not_redriven_and_says_what_helps(orders: Command, stack: Stack) -> None:
    release = lay(stack, "releases", ABANDONED)
    refused(orders, "dlq", "redrive", release, "--yes", code=1, told="a release is not redriven. `orders retry 12345`")
    assert bodies_in(stack, "ReleaseDlqUrl") == [json.dumps(ABANDONED)]


def test_a_letter_that_could_not_be_redriven_is_told_and_the_others_counted(orders: Command, stack: Stack) -> None:
    for number in range(3):
        lay(stack, "orders", f"{number}")
    stack._clients["sqs"] = Partly(stack.client("sqs"), "send_message_batch", (1,))
    answer = orders("dlq", "redrive", "--all")
    assert (answer.code, answer.out) == (1, "2 redriven, 1 failed\n")
    assert "InternalError: try again; it is still there" in answer.err


def test_dropped_letters_are_on_standard_output_as_they_were(orders: Command, stack: Stack) -> None:
    body = json.dumps(ORDER, indent=1)
    dropped = lay(stack, "orders", body)
    lay(stack, "releases", "other \x1b")
    refused(orders, "dlq", "drop", dropped, code=2, told="(12345): delete permanently?")

    answer = orders("dlq", "drop", dropped[:8], "--yes")
    assert (answer.code, answer.out) == (0, body + "\n")
    assert "1 deleted" in answer.err
    assert orders("dlq", "drop", "--all", "--yes").out == "other \x1b\n"
    assert "0 deleted" in orders("dlq", "drop", "--all", "--yes").err


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("redrive",), 2, "ID: name a dead letter, or use --all"),
        (("drop", "abc", "--all"), 2, "ID: must be there or --all, not both"),
        (("show", "nothing"), 1, "no dead letter 'nothing'"),
        (("redrive", "nothing"), 1, "no dead letter 'nothing'"),
        (("list", "--queue", "mails"), 2, "mails"),
    ],
)
def test_letters_have_to_be_named(orders: Command, arguments: tuple[str, ...], code: int, told: str) -> None:
    refused(orders, "dlq", *arguments, code=code, told=told)


# ---------------------------------------------------------------------------------------------------- check


def lines(item: str, quantity: int) -> dict[str, Any]:
    return {"L": [{"M": {"item_id": {"S": item}, "quantity": {"N": str(quantity)}}}]}


def hold(stack: Stack, order_id: str, quantity: int) -> None:
    """Put a CONFIRMED order whose pieces nobody took."""
    row = {"status": {"S": "CONFIRMED"}, "attempt": {"N": "1"}, "items": lines("tea", quantity)}
    put(stack, "OrdersTableName", order_id={"S": order_id}, **row)


def test_stock_and_orders_that_agree_are_counted(orders: Command) -> None:
    assert orders("check").out == "0 items, 0 orders: they agree\n"
    orders("stock", "add", "tea", "5")
    assert orders("check").out == "1 item, 0 orders: they agree\n"
    assert orders.json("check", schema="check")["sound"] is True


def test_stock_without_a_movement_is_told_and_no_fault(orders: Command, stack: Stack) -> None:
    put(stack, "InventoryTableName", item_id={"S": "loose"}, available={"N": "4"})
    answer = orders("check")
    assert (answer.code, answer.out) == (0, "1 item, 0 orders: they agree\n")
    assert "1 item, such as loose; `orders stock set` writes an opening balance" in answer.err


def test_a_difference_is_named_with_who_could_explain_it_until_it_is_accounted_for(
    orders: Command, stack: Stack
) -> None:
    orders("stock", "add", "tea", "5")
    for number in range(12):
        hold(stack, f"one-{number:02}", 1)
    hold(stack, "whole", 13)

    answer = orders("check")

    assert answer.code == 1
    assert "item tea: 25 too many\n" in answer.out
    assert "its movements add up to 5; found 30: 5 available and 25 held by 13 CONFIRMED orders\n" in answer.out
    assert "one-00 (1), " in answer.out
    assert " and 3 more\n" in answer.out
    assert "1 item, 13 orders: wrong: 1 item, 0 orders\n" in answer.out
    (wrong,) = orders.json("check", schema="check", code=1)["wrong_items"]
    assert len(wrong["holders"]) == 13

    assert "accounts for +25 now" in orders("stock", "reconcile", "tea", "--reason", "laid by hand").out
    assert orders("check").code == 0
    assert "add up already" in orders("stock", "reconcile", "tea", "--reason", "once more").out


def test_an_order_that_cannot_be_is_named_too(orders: Command, stack: Stack) -> None:
    put(stack, "OrdersTableName", order_id={"S": "odd"}, status={"S": "LOST"}, attempt={"N": "1"}, items=lines("x", 1))
    answer = orders("check")
    assert (answer.code, answer.out) == (
        1,
        "order odd: unknown status LOST\n0 items, 1 order: wrong: 0 items, 1 order\n",
    )
    (wrong,) = orders.json("check", schema="check", code=1)["wrong_orders"]
    assert wrong == {"order_id": "odd", "problems": ["unknown status LOST"]}


def test_what_keeps_moving_cannot_be_told_yet(orders: Command, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    orders("stock", "add", "tea", "5")
    hold(stack, "held", 1)
    quantities = iter(range(2, 99))
    confirmed = check.Tables.confirmed

    def while_it_moves(tables: check.Tables) -> Iterator[OrderRow]:
        hold(stack, "held", next(quantities))
        return confirmed(tables)

    monkeypatch.setattr(check.Tables, "confirmed", while_it_moves)
    answer = orders("check")
    assert (answer.code, answer.out) == (3, "1 item, 1 order: they agree but for what keeps moving\n")
    assert "undecided, run it again: tea moved at each of 5 readings" in answer.err
    assert orders.json("check", schema="check", code=3)["moving"] == ["tea"]
