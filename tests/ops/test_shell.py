"""A printed command, pasted into a shell, does what it says to the order that was meant, whatever the order's id is."""

import ast
import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from local.aws import ROOT
from ops.dead_letters import queues as dead_letters
from ops.shell import carry_options, quote_command, stack_options_carried
from ops.stack import Stack
from ops.terminal import screen
from tests.examples import draw_examples
from tests.ops.command import Command
from tests.ops.dead_letters.test_queues import lay
from tests.ops.moto_stack import moto_stack, put, rows
from tests.ops.states import States

# All that are here; bash also as a person has it, who types an exclamation mark at their peril.
SHELLS = [
    [path, *options]
    for name, *options in (["sh"], ["dash"], ["bash"], ["bash", "-o", "history", "-o", "histexpand"], ["zsh"], ["ksh"])
    if (path := shutil.which(name))
]
# It prints how many arguments have come, and each.
ORDERS = r"""orders() { printf '%s\0' "$#" "$@"; }"""

NASTY = [
    "12350; touch x",
    "#1002",
    "-2002",
    "--all",
    "=ls",
    "~",
    "a b  c ",
    "it's",
    'a"b',
    "$HOME",
    "$(touch x)",
    "`touch x`",
    "!!",
    "it's!x",
    "%s%d%%",
    "\\",
    "\\n\\047",
    "*",
    "Bestellung № 1",
    "e\u0301",
    "\u200c",
    "12\u200c345",
    "12\u202e543",
    "\u2028",
    "\u00a0",
    "\ufe0f",
    "[bold]x[/]",
    ":smile:",
    "😀" * 256,
]
PRINTED = ["12350; touch x", "#1002", "-2002", "it's `id`", "12\u200c345", "[bold]\u202e543"]  # one of each kind
# The contract: 1 to 256 characters, none of them a control character or half a surrogate pair.
CHARACTERS = st.characters(exclude_categories=("Cc", "Cs"))
IDS = st.one_of(
    st.sampled_from(NASTY),
    st.text(CHARACTERS, min_size=1, max_size=256),
    st.text(st.sampled_from("'\"$`!\\-#;&|<>(){}[]*?~=%^@+,./ 0a\u200c\u202e\u00e9"), min_size=1, max_size=40),
)


def paste(text: str, shell: Sequence[str]) -> list[list[str]]:
    """Run each command in a printed text, and give the words with which `orders` was called each time."""
    script = "\n".join([ORDERS, *re.findall("`([^`]*)`", text), ""])
    done = subprocess.run(shell, input=script.encode(), capture_output=True, check=True)  # noqa: S603 - that is the test
    words = iter(done.stdout.decode().split("\0")[:-1])
    return [[next(words) for _ in range(int(count))] for count in words]


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: " ".join([Path(shell[0]).name, *shell[1:]]))
@given(ids=st.lists(IDS, min_size=1, max_size=20))
@draw_examples(50)
def test_every_argument_arrives_as_it_is_in_every_shell(shell: list[str], ids: list[str]) -> None:
    commands = [quote_command("orders stock add", id_, "-5") for id_ in ids]
    assert all(command.isascii() and command.isprintable() for command in commands)
    assert paste("\n".join(commands), shell) == [["stock", "add", "--", id_, "-5"] for id_ in ids]


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (("12345",), "`orders retry 12345`"),
        (("2026-11-25/é",), r"""`orders retry "$(printf '2026-11-25/\303\251')"`"""),
        (("12350; touch x",), "`orders retry '12350; touch x'`"),
        (("#1002",), "`orders retry '#1002'`"),
        (("-2002",), "`orders retry -- -2002`"),
        ((), "`orders retry`"),
    ],
)
def test_a_command_is_as_plain_as_its_arguments_allow(arguments: tuple[str, ...], command: str) -> None:
    assert quote_command("orders retry", *arguments) == command


@pytest.mark.parametrize("text", ["12345\n", "12345\n\n", "12345\0", "\0", "12\n345"])
def test_what_no_shell_carries_does_not_become_the_id_of_another_order(text: str) -> None:
    for shell in SHELLS:
        ((_, id_),) = paste(quote_command("orders retry", text), shell)
        assert "\1" in id_  # a control character, which no command takes


# ---------------------------------------------------------------------------------------------------- as printed


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    monkeypatch.setattr(dead_letters, "_WAIT", 0)
    monkeypatch.setattr(screen.out, "width", 40)
    with moto_stack(tables=True, queues=True, states=States()) as moto:
        yield moto


@pytest.fixture
def orders(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Command:
    return Command(stack, monkeypatch)


def put_order(stack: Stack, order_id: str, status: str, mail: str | None = None) -> None:
    texts = {"order_id": order_id, "status": status, "email_status": mail}
    texts["updated_at"] = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    put(stack, "OrdersTableName", **{name: {"S": text} for name, text in texts.items() if text})


@pytest.mark.parametrize("id_", PRINTED, ids=ascii)
def test_every_command_that_is_printed_about_an_order_is_about_that_order(
    orders: Command, stack: Stack, id_: str
) -> None:
    put_order(stack, id_, "FAILED")
    retry, cancel = in_words("retry", id_), in_words("cancel", id_)
    assert pasted_after("next: ", orders("show", "--", id_).out) == [retry, cancel]
    assert pasted_after("", orders("show", "--json", "--", id_).json(schema="show")["next"]) == [retry, cancel]
    assert "CANCELLED" in orders("cancel", "--yes", *cancel[1:]).out
    assert [row["status"] for row in rows(stack, "OrdersTableName")] == [{"S": "CANCELLED"}]

    put_order(stack, id_, "CONFIRMED", "UNKNOWN")
    resend = in_words("email", "resend", id_)
    assert pasted_after("\n", orders("stuck").out) == [resend]
    (only,) = orders.json("stuck", schema="stuck", code=1)["stuck"]
    assert pasted_after("", only["advice"]) == [resend]
    assert pasted_after("ask the customer", orders("retry", "--", id_).err) == [resend]


def test_a_watched_order_ends_with_its_next_step_whole(
    orders: Command, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen, "out", Console(width=40, force_terminal=True, color_system=None))
    put_order(stack, id_ := "x" * 256, "FAILED")
    assert pasted_after("next: ", orders("watch", id_).out) == [["retry", id_], ["cancel", id_]]


@pytest.mark.parametrize("id_", PRINTED, ids=ascii)
def test_every_command_that_is_printed_about_a_dead_letter_is_about_its_order(
    orders: Command, stack: Stack, id_: str
) -> None:
    execution = {"source": "aws.states", "detail": {"status": "ABORTED", "input": json.dumps({"order_id": id_})}}
    release = lay(stack, "releases", execution)
    expected = [in_words("retry", id_), ["dlq", "drop", release[:8]]]
    assert pasted_after("what to do: ", orders("dlq", "show", release).out) == expected
    assert pasted_after("", orders.json("dlq", "show", release, schema="dlq-show")["advice"]) == expected
    assert pasted_after("a release is not redriven", orders("dlq", "redrive", release).err) == expected


def in_words(*words: str) -> list[str]:
    """Give a command's words, as they come from one that is written with its `--`."""
    *command, id_ = words
    return [*command, "--", id_] if id_.startswith("-") else [*command, id_]


def pasted_after(place: str, printed: str) -> list[list[str]]:
    return paste(printed.partition(place)[2] if place else printed, ["sh"])


# ---------------------------------------------------------------------------------------------------- in the source

_COMMAND = r"(?:orders|aws|make|cdk) [a-z]"


@pytest.mark.parametrize(
    ("typed", "printed"),
    [
        ([], "orders retry 12345"),
        (["--stage", "prod"], "orders --stage prod retry 12345"),
        (["--local"], "orders --local retry 12345"),
        (["--profile", "a b", "--region", "eu-west-1"], "orders --profile 'a b' --region eu-west-1 retry 12345"),
    ],
    ids=str,
)
def test_a_command_that_is_printed_names_the_stack_that_was_typed(
    orders: Command, stack: Stack, typed: list[str], printed: str
) -> None:
    """Pasted, it must not act on the stack that the environment happens to name."""
    put_order(stack, "12345", "PROCESSING")
    assert f"`{printed}`" in orders(*typed, "stuck").out
    assert f"`{printed}`" in orders("stuck", *typed).out


def commands_with_values(source: str) -> list[str]:
    """Find the texts of a module in which a value is put into a command: `orders retry {order_id}`."""
    tree = ast.parse(source)
    texts = {id(node): _shape(node) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)}
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            open_end = "\0" if node.value.count("`") % 2 else ""  # a text that ends within a command, to be added to
            texts[id(node)] = re.sub(r"\{\w*\}|%s", "\0", node.value) + open_end
    return [text for text in texts.values() if re.search(rf"`{_COMMAND}[^`]*\0|^orders [a-z ]*\0", text)]


def _shape(text: ast.JoinedStr) -> str:
    return "".join(part.value if isinstance(part, ast.Constant) else "\0" for part in text.values)  # type: ignore[misc]


@pytest.mark.parametrize("module", sorted(ROOT.glob("ops/**/*.py")), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_module_but_one_puts_a_value_into_a_command(module: Path) -> None:
    assert module == ROOT / "ops" / "shell.py" or commands_with_values(module.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('f"then `orders retry {order}`"', True),
        ('f"{order}: see"\n" `orders retry"', True),
        ('"then `orders retry {}`".format(order)', True),
        ('f"orders show {order}"', True),
        ('f"{count} orders, {items} items; `orders check` says {what}"', False),
        ('f"`orders dlq list` shows {count}"', False),
    ],
)
def test_a_value_in_a_command_is_found(source: str, found: bool) -> None:
    assert bool(commands_with_values(source)) is found


@pytest.mark.parametrize(
    ("text", "carried"),
    [
        (
            "run `aws kms enable-key --key-id K`",
            "run `aws --profile work --region eu-west-1 kms enable-key --key-id K`",
        ),
        ("`aws --region us-east-1 kms x`", "`aws --profile work --region us-east-1 kms x`"),
        (
            "run `orders stuck`, then wait",
            "run `orders --stage dev --profile work --region eu-west-1 stuck`, then wait",
        ),
        ("`orders --stage dev --profile work --region eu-west-1 stuck`", None),
        ("`make deploy STAGE=dev` and aws alone", None),
    ],
)
def test_commands_in_a_text_act_where_this_command_line_does(text: str, carried: str | None) -> None:
    with stack_options_carried(("--stage", "dev", "--profile", "work", "--region", "eu-west-1")):
        assert carry_options(text) == (text if carried is None else carried)
    assert carry_options(text) == text
