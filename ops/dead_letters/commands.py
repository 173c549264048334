"""`orders dlq`: the dead letters, what is wrong with each, and the two things that can be done with one."""

import json as json_
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final

import typer

from ops.dead_letters import actions, dead_letter, queues
from ops.dead_letters.actions import Handled, can_be_redriven
from ops.dead_letters.advice import advice
from ops.dead_letters.dead_letter import DeadLetter
from ops.dead_letters.queues import Peek, find
from ops.errors import BadInput, Refused
from ops.stack import Stack
from ops.terminal import screen
from ops.terminal.options import JsonOption, YesOption, ask, with_stack
from ops.terminal.working import working

app = typer.Typer(help="Dead letters: messages that could not be taken on, each with its reason.", no_args_is_help=True)

_MOST_NAMED: Final = 5
_LONGEST_MESSAGE: Final = 1000  # characters, as many as the starter gives


class Queue(StrEnum):
    """The queues that hold dead letters."""

    ORDERS = dead_letter.ORDERS
    RELEASES = dead_letter.RELEASES
    MAIL_EVENTS = dead_letter.MAIL_EVENTS


QueueOption = Annotated[
    Queue | None,
    typer.Option(
        "--queue",
        "-q",
        help="Only these: orders that could not be started, releases of orders whose execution ended badly,"
        " or mail-events: what became of mails. Without, all.",
        show_default=False,
    ),
]
IdArgument = Annotated[
    str, typer.Argument(metavar="ID", help="The letter's id, or as much of its start as tells it apart.")
]
IdsArgument = Annotated[
    list[str] | None, typer.Argument(metavar="ID", help="Letters, by their ids.", show_default=False)
]


@dataclass(frozen=True, kw_only=True)
class AdvisedLetter(DeadLetter):
    """A message that could not be taken on, and what to do about it."""

    advice: str
    """What to do about it"""


@app.command("list")
@with_stack
def list_(stack: Stack, queue: QueueOption = None, json: JsonOption = False) -> None:
    """List the dead letters, the oldest first; they stay where they are.

    While somebody else looks at them too, each sees a part: exit code 1 if some could not be read.
    """
    found = _peek(stack, queue)
    if json:
        screen.show_json(found)
    else:
        _show_list(found)
    _refuse_gap(found)


def _show_list(found: Peek) -> None:
    columns = dict.fromkeys(("queue", "id", "age", "order", "error", "what was wrong"), "left")
    rows = [
        (
            one.queue,
            one.short_id,
            screen.ago(one.sent_at),
            screen.shorten(one.order_id),
            screen.shorten(one.error_type),
            screen.shorten(one.error_message, _LONGEST_MESSAGE),
        )
        for one in found.letters
    ]
    screen.table(columns, rows, empty="none could be read" if found.gap else "there are no dead letters")
    if found.letters:
        screen.note("`orders dlq show ID` says what to do about one")


def _refuse_gap(found: Peek) -> None:
    """End with exit code 1 if the answer is not complete."""
    if found.gap:
        raise Refused(found.gap)


@app.command("show")
@with_stack
def show(stack: Stack, id_: IdArgument, queue: QueueOption = None, json: JsonOption = False) -> None:
    """Show all there is of a dead letter, and what to do about it."""
    letter = find(_peek(stack, queue), id_)
    if json:
        return screen.show_json(AdvisedLetter(**vars(letter), advice=advice(letter)))
    rows = [
        ("letter", letter.message_id),
        ("queue", letter.queue),
        ("sent (UTC)", letter.sent_at),
        ("order", screen.shorten(letter.order_id) or "its body names none"),
        ("error", screen.shorten(letter.error_type) or "none was given"),
        ("what was wrong", letter.error_message),
    ]
    screen.facts(rows)
    screen.say("body")
    screen.say_lines(_pretty(letter.body), indent="  ")
    return screen.say(f"what to do: {advice(letter)}")


@app.command("redrive")
@with_stack
def redrive(
    stack: Stack,
    ids: IdsArgument = None,
    all_: Annotated[bool, typer.Option("--all", help="All that redriving can help.")] = False,
    queue: QueueOption = None,
    yes: YesOption = False,
) -> None:
    """Send dead letters back to the queue they came from, once what kept them from being taken on is mended.

    What was refused for what it holds would be refused again: --all leaves it, and by its id you are asked.
    An order that is at work or done is recognised as a duplicate and ignored: redriving it twice does no harm.
    One whose execution failed or was stopped is started again; only `orders cancel` stops it permanently.
    """
    found = _chosen(stack, ids, queue, all_=all_)
    letters = found.letters
    if all_:
        letters = _helped(letters)
    else:
        _refuse_releases(letters)
        if refused := [letter for letter in letters if letter.was_refused]:
            ask(f"{_named(refused)}: refused for what it holds, as it would be again. Redrive all the same?", yes=yes)
    with working(screen.err, f"redriving {len(letters)}"):
        handled = actions.redrive(stack, letters)
    _report(handled, found, "redriven")


@app.command("drop")
@with_stack
def drop(
    stack: Stack,
    ids: IdsArgument = None,
    all_: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    queue: QueueOption = None,
    yes: YesOption = False,
) -> None:
    """Delete dead letters. Each body is printed before it is deleted: `orders dlq drop ID --yes > kept.json`."""
    found = _chosen(stack, ids, queue, all_=all_)
    if found.letters:
        ask(f"{_named(found.letters)}: delete permanently?", yes=yes)
    # Each body is out before its letter is deleted.
    handled = actions.drop(stack, found.letters, lambda letter: screen.print_body(letter.body))
    _report(handled, found, "deleted", tell=screen.note)


def _chosen(stack: Stack, ids: list[str] | None, queue: Queue | None, *, all_: bool) -> Peek:
    """Give the letters that were named; only where all are meant does it matter that some could not be read."""
    if all_ == bool(ids):
        raise BadInput("ID: must be there or --all, not both" if ids else "ID: name a letter, or take --all")
    found = _peek(stack, queue)
    if all_:
        return found
    named = [find(found, id_) for id_ in ids or ()]
    return Peek(list({letter.message_id: letter for letter in named}.values()), unread=0)


def _peek(stack: Stack, queue: Queue | None) -> Peek:
    with working(screen.err, "reading the dead letters"):
        return queues.peek(stack, [queue.value] if queue else queues.QUEUES)


def _helped(letters: Sequence[DeadLetter]) -> list[DeadLetter]:
    """Give those that redriving can help, and name the others."""
    helped = [letter for letter in letters if can_be_redriven(letter) and not letter.was_refused]
    if left := [letter for letter in letters if letter not in helped]:
        screen.note(f"left: {_named(left)}; `orders dlq show ID` tells what to do with such")
    return helped


def _refuse_releases(letters: Sequence[DeadLetter]) -> None:
    for letter in letters:
        if not can_be_redriven(letter):
            raise Refused(f"{letter.short_id}: a release is not redriven. {advice(letter)}")


def _named(letters: Sequence[DeadLetter]) -> str:
    """Name letters one by one, as long as a person reads that."""
    names = [f"{one.short_id} ({screen.shorten(one.order_id) or one.queue})" for one in letters[:_MOST_NAMED]]
    more = len(letters) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


def _report(handled: Handled, found: Peek, what: str, *, tell: Callable[[str], None] = screen.say) -> None:
    """Report the counts, and each letter that failed; exit code 1 if one did, or if some could not be read."""
    tell(f"{len(handled.done)} {what}" + (f", {len(handled.failed)} failed" if handled.failed else ""))
    for letter, reason in handled.failed:
        screen.complain(f"{letter.short_id}: {reason}; it is still there")
    if handled.gone:
        screen.complain(
            f"gone, or in somebody else's hands just now: {_named(handled.gone)}; run this again in a minute"
        )
    _refuse_gap(found)
    if handled.failed or handled.gone:
        raise typer.Exit(1)


def _pretty(body: str) -> str:
    """Indent a body if that changes nothing but its white space; what it was refused for, such as a 1e999, stays."""
    try:
        indented = json_.dumps(json_.loads(body), indent=2, ensure_ascii=body.isascii())
    except (ValueError, RecursionError):
        return body
    return indented if "".join(indented.split()) == "".join(body.split()) else body
