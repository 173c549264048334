"""What somebody else wrote reaches the terminal in visible characters, whole, and by every way that there is."""

import ast
import io
import json
import os
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console

from local.aws import ROOT
from ops.dead_letters import queues as dead_letters
from ops.orders import view as order_view
from ops.stack import Stack
from ops.tables.order_row import OrderRow
from ops.terminal import screen
from ops.terminal.working import make_visible, show_working
from tests.examples import draw_examples
from tests.ops.command import Command
from tests.ops.dead_letters.test_queues import lay
from tests.ops.moto_stack import moto_stack, put
from tests.ops.states import States

DRIVING = (
    *map(chr, [*range(0x20), *range(0x7F, 0xA0)]),  # C0, DEL and C1
    *"\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",  # what reorders
    *"\u00ad\u200b\u200c\u200d\u2028\u2029\u2060\u3164\ufe0f\ufeff\U000e0041",  # what nobody sees
    *"\ud800\udbff\udc00\udfff",  # half a pair
)
TEXTS = st.text(st.one_of(st.characters(), st.sampled_from(DRIVING)), min_size=1, max_size=12)


def row(text: str) -> OrderRow:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return OrderRow(text, text, 1, text, (), text, None, None, None, now, now, text, text)


def tell(text: str) -> None:
    with show_working(screen.err, text) as tell_more:
        tell_more(text)


DOORS: dict[str, Callable[[str], object]] = {
    "say": screen.print_line,
    "say_lines": screen.say_lines,
    "note": screen.print_note,
    "complain": screen.print_complaint,
    "confirm": screen.confirm_question,
    "table": lambda text: screen.print_table({"a": "left", text: "right"}, [(text, text)], empty=""),
    "empty table": lambda text: screen.print_table({}, [], empty=text),
    "facts": lambda text: screen.print_facts([("name", text), (text, "value")]),
    "picture": lambda text: screen.print_picture(order_view.draw_order(text, row(text), (), (), text)),
    "working": tell,
}
# Rows of which a text of several lines is several.
LINED = {"say_lines", "complain"}


@pytest.mark.parametrize("text", DRIVING, ids=ascii)
def test_a_character_that_is_not_seen_or_drives_a_terminal_is_written_out(text: str) -> None:
    assert make_visible(f"a{text}b") == f"a{ascii(text)[1:-1]}b"


@pytest.mark.parametrize("text", ["", "item001", "Łódź № 1 注文 طلب 😀", "e\u0301", "\\x1b", "[bold]x[/]"])
def test_a_text_that_can_be_seen_stays_as_it_is(text: str) -> None:
    assert make_visible(text) == text


def printed(door: Callable[[str], object], text: str, *, encoding: str, terminal: bool) -> str:
    """Give all that one way prints of a text."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding) for _ in "oe")
    looks: dict[str, Any] = {"force_terminal": terminal, "color_system": None, "width": 200, "highlight": False}
    consoles = {"out": Console(**looks), "err": Console(stderr=True, soft_wrap=True, **looks)}
    with redirect_stdout(out), redirect_stderr(err), patch.dict(vars(screen), consoles):
        screen.accept_any_text()
        with patch.object(sys, "stdin", io.StringIO("y\n")):
            door(text)
        out.flush()
        err.flush()
    return "".join(stream.buffer.getvalue().decode(encoding) for stream in (out, err))


@pytest.mark.parametrize(
    ("name", "terminal"),
    [*((name, False) for name in DOORS), *((name, True) for name in DOORS if name != "working")],
)
@draw_examples(40)
@example(text="\x1b[31m\ud800\u202e")
@given(text=TEXTS)
def test_no_way_to_the_terminal_lets_anything_through_that_drives_it(name: str, text: str, terminal: bool) -> None:
    shown = printed(DOORS[name], text, encoding="utf-8", terminal=terminal)
    assert [character for character in shown if character != "\n" and unicodedata.category(character)[0] == "C"] == []
    for line in text.split("\n") if name in LINED else [text]:
        assert make_visible(line).strip() in shown


def test_a_live_line_moves_the_cursor_itself_and_its_text_does_not() -> None:
    shown = printed(tell, "\x1b[31m[bold]\ud800", encoding="utf-8", terminal=True)
    assert r"\x1b[31m[bold]\ud800" in shown
    assert "\x1b[31m" not in shown


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
@pytest.mark.parametrize("name", DOORS)
@draw_examples(15)
@given(text=TEXTS)
def test_an_encoding_that_lacks_characters_ends_nothing(name: str, text: str, encoding: str) -> None:
    assert printed(DOORS[name], text, encoding=encoding, terminal=False)


@pytest.mark.parametrize("door", [screen.show_json, screen.show_json_line])
@draw_examples(100)
@example(value={"a": "\ud800\x9b\u202e\x7f"})
@given(value=st.dictionaries(TEXTS, TEXTS))
def test_json_is_ascii_and_holds_the_very_text(door: Callable[[object], None], value: dict[str, str]) -> None:
    shown = printed(lambda _: door(value), "", encoding="ascii", terminal=False)
    assert json.loads(shown) == value
    assert shown.replace("\n", "").isprintable()


def test_a_body_is_handed_over_as_it_is_whatever_the_locale() -> None:
    out = io.TextIOWrapper(io.BytesIO(), "ascii")
    with redirect_stdout(out), patch.object(screen, "out", Console(force_terminal=True)):  # FORCE_COLOR makes it one
        screen.print_body('{"a": "é\x1b"}\n')
        screen.print_body('"\ud800"')
    assert out.buffer.getvalue() == '{"a": "é\x1b"}\n\n"\\ud800"\n'.encode()


def test_a_line_with_a_command_is_not_broken_however_narrow_the_terminal_is() -> None:
    line = "`orders retry " + "x" * 300 + "`, and so on and so forth"
    with patch.object(screen, "out", Console(width=40, force_terminal=True, color_system=None, highlight=False)):
        for door in (
            screen.print_line,
            lambda text: screen.print_picture(order_view.draw_order("1", None, (), (), text)),
        ):
            out = io.StringIO()
            with redirect_stdout(out):
                door(line)
            assert line in out.getvalue()


# ---------------------------------------------------------------------------------------------------- commands


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    monkeypatch.setattr(dead_letters, "_WAIT", 0)
    with moto_stack(tables=True, queues=True, states=States()) as moto:
        yield moto


@pytest.fixture
def orders(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Command:
    return Command(stack, monkeypatch)


def test_half_a_surrogate_pair_hides_no_dead_letter(orders: Command, stack: Stack) -> None:
    odd = lay(stack, "orders", r'{"order_id": "\ud800", "customer_email": 7}', error_type="InvalidOrder")
    other = lay(stack, "orders", '{"order_id": "12345"}')

    listed = orders("dlq", "list")
    assert (listed.code, r"\ud800" in listed.out, other[:8] in listed.out) == (0, True, True)
    letters = orders.json("dlq", "list", schema="dlq-list")["letters"]
    assert {letter["message_id"]: letter["order_id"] for letter in letters} == {odd: "\ud800", other: "12345"}
    assert r'    "order_id": "\ud800",' in orders("dlq", "show", odd).out
    assert orders.json("dlq", "show", odd, schema="dlq-show")["order_id"] == "\ud800"
    assert r'{"order_id": "\ud800"' in orders("dlq", "drop", odd, "--yes").out
    assert len(orders.json("dlq", "list", schema="dlq-list")["letters"]) == 1


@pytest.mark.parametrize(
    "body",
    [
        '{"order_id": "12345", "order_id": "54321"}',
        '{"order_id": "12345", "items": [{"quantity": 1.00000000000000000000000001}]}',
        '{"order_id": "12345", "items": [{"quantity": 1e999}]}',
        '{"order_id": "12345", "items": [{"quantity": 1E0}]}',
        r'{"order_id": "\u0031", "note": "\/"}',
        '{"order_id": "12345"',
    ],
    ids=["twice", "digits", "beyond a float", "spelling", "escapes", "no JSON"],
)
def test_a_body_that_would_read_otherwise_once_indented_is_shown_as_it_is(
    orders: Command, stack: Stack, body: str
) -> None:
    odd = lay(stack, "orders", body, error_type="InvalidOrder")
    assert f"\n  {body}\n" in orders("dlq", "show", odd).out


@pytest.mark.parametrize("note", ["é", r"\u00e9", "a  b", r"\n"])
def test_a_body_that_reads_the_same_once_indented_is_indented(orders: Command, stack: Stack, note: str) -> None:
    letter = lay(stack, "orders", f'{{"order_id":"12345","note":"{note}"}}')
    assert f'\n    "order_id": "12345",\n    "note": "{note}"\n' in orders("dlq", "show", letter).out


def test_an_id_longer_than_any_order_has_does_not_fill_the_screen(orders: Command, stack: Stack) -> None:
    lay(stack, "orders", json.dumps({"order_id": "A" * 240_000}), error_type="B" * 300, error_message="C" * 1_001)
    listed = orders("dlq", "list").out
    assert len(listed) < 3_000
    assert {"A", "B", "C"} <= set(listed)
    (letter_,) = orders.json("dlq", "list", schema="dlq-list")["letters"]
    assert len(letter_["order_id"]) == 240_000
    deleted = orders("dlq", "drop", "--all")
    assert f"({'A' * 40}… (240000 characters))" in deleted.err


def test_an_id_as_long_as_an_order_may_have_is_shown_whole() -> None:
    assert screen.shorten_text("A" * 256) == "A" * 256
    assert screen.shorten_text("A" * 257) == "A" * 40 + "… (257 characters)"


def test_a_prompt_shows_an_id_and_does_not_obey_it(
    orders: Command, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen, "is_interactive", lambda: True)
    lay(stack, "orders", json.dumps({"order_id": "\x1b[2K\u202e54321"}), error_type="InvalidOrder")
    line = {"M": {"item_id": {"S": "tea\x1b[2K"}, "quantity": {"N": "2"}}}
    texts = {"order_id": "12\u202e543", "status": "CONFIRMED", "customer_email": "a\x9b@example.com"}
    put(stack, "OrdersTableName", items={"L": [line]}, **{name: {"S": text} for name, text in texts.items()})
    (letter,) = orders.json("dlq", "list", schema="dlq-list")["letters"]
    for answer in (
        orders("dlq", "drop", "--all", stdin="n\n"),
        orders("dlq", "redrive", letter["message_id"], stdin="n\n"),
        orders("cancel", "12\u202e543", stdin="n\n"),
    ):
        assert answer.code == 1
        assert "nothing was changed" in answer.err
        assert not {"\x1b", "\x9b", "\u202e"} & set(answer.err + answer.out)
        assert r"\u202e" in answer.err


@pytest.mark.parametrize(
    "environment", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}]
)
def test_an_ascii_terminal_ends_no_command(environment: dict[str, str]) -> None:
    imports = "from ops import app; from ops.terminal import screen"
    source = imports + r"; app.app = lambda **_: screen.print_line('\xe9\u2026'); app.main()"
    command = [sys.executable, "-c", source]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, cwd=ROOT, check=False)  # noqa: S603
    assert (done.returncode, done.stdout, done.stderr) == (0, b"\\xe9\\u2026\n", b"")


# ---------------------------------------------------------------------------------------------------- in the source


def ways_around(source: str) -> list[str]:
    """Find what a command prints, asks or marks up by itself instead of through `ops.terminal.screen`."""
    direct = {"print", "Console", "confirm", "prompt", "echo", "secho", "stdout", "stderr", "from_markup"}
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in direct:
                found.append(name)
            case ast.Attribute(value=ast.Name(id=module), attr=name) if name in direct and module not in (
                "screen",
                "answer",
            ):
                found.append(name)
            case ast.Call(func=ast.Name(id="Text"), args=[first, *_]) if not isinstance(first, ast.Constant):
                found.append("Text")
    return found


@pytest.mark.parametrize("module", sorted(ROOT.glob("ops/**/*.py")), ids=lambda path: path.name)
def test_a_command_prints_by_the_screen_alone(module: Path) -> None:
    # The edge and the start speak where the screen cannot: before it is there, and after it has failed.
    assert (
        module.name in ("screen.py", "working.py", "edge.py", "start.py")
        or ways_around(module.read_text("utf-8")) == []
    )


@pytest.mark.parametrize("width", [50, 80])
def test_what_is_copied_from_a_table_is_whole_on_a_narrow_terminal(
    width: int, capsys: pytest.CaptureFixture[str]
) -> None:
    columns = {"order": "left", "status": "left", "changed": "right", "items": "text"}
    items = screen.Listing(["1 × item001", "12 × item002"], remark="OutOfStock: item002: 40 wanted, 3 available")
    row = ("20261125-093104-c62k", "CONFIRMED", "3 min ago", items)
    console = Console(width=width, force_terminal=True, color_system=None, highlight=False)
    with patch.object(screen, "out", console):
        screen.print_table(columns, [row], empty="")
    shown = capsys.readouterr().out
    assert [whole for whole in (*row[:3], *items.parts, "available") if whole not in shown] == []
