"""`orders dlq`: lists dead letters with the reason for each, sends them back, or deletes them."""

import json as json_
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final

import typer

from ops.dead_letters import actions, dead_letter, queues
from ops.dead_letters.actions import Handled, can_be_redriven
from ops.dead_letters.advice import give_advice
from ops.dead_letters.dead_letter import DeadLetter
from ops.dead_letters.queues import Peek, find_message
from ops.errors import BadInput, Refused
from ops.stack import Stack
from ops.terminal import screen
from ops.terminal.options import JsonOption, YesOption, ask_person, with_stack
from ops.terminal.working import show_working

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
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The message's id, or enough of its start to be unique.")]
IdsArgument = Annotated[
    list[str] | None, typer.Argument(metavar="ID", help="Letters, by their ids.", show_default=False)
]


@dataclass(frozen=True, kw_only=True)
class AdvisedLetter(DeadLetter):
    """A message that could not be taken on, and what to do about it."""

    advice: str
    """The advice to a person"""


@app.command("list")
@with_stack
def list_(stack: Stack, queue: QueueOption = None, json: JsonOption = False) -> None:
    """List the dead letters, the oldest first; they stay where they are.

    While somebody else looks at them too, each sees a part: exit code 1 if some could not be read.
    """
    found = _peek_queues(stack, queue)
    if json:
        screen.show_json(found)
    else:
        _show_list(found)
    _refuse_gap(found)


def _show_list(found: Peek) -> None:
    columns = dict.fromkeys(("queue", "id", "age", "order"), "left") | {"error": "text", "what was wrong": "text"}
    rows = [
        (
            one.queue,
            one.short_id,
            screen.format_age(one.sent_at),
            screen.shorten_text(one.order_id),
            screen.shorten_text(one.error_type),
            screen.shorten_text(one.error_message, _LONGEST_MESSAGE),
        )
        for one in found.letters
    ]
    screen.print_table(columns, rows, empty="none could be read" if found.gap else "there are no dead letters")
    if found.letters:
        screen.print_note("`orders dlq show ID` says what to do about one")


def _refuse_gap(found: Peek) -> None:
    """End with exit code 1 if the answer is not complete."""
    if found.gap:
        raise Refused(found.gap)


@app.command("show")
@with_stack
def show(stack: Stack, id_: IdArgument, queue: QueueOption = None, json: JsonOption = False) -> None:
    """Show all there is of a dead letter, and what to do about it."""
    letter = find_message(_peek_queues(stack, queue), id_)
    if json:
        return screen.show_json(AdvisedLetter(**vars(letter), advice=give_advice(letter)))
    rows = [
        ("letter", letter.message_id),
        ("queue", letter.queue),
        ("sent (UTC)", letter.sent_at),
        ("order", screen.shorten_text(letter.order_id) or "its body names none"),
        ("error", screen.shorten_text(letter.error_type) or "none was given"),
        ("what was wrong", letter.error_message),
    ]
    screen.print_facts(rows)
    screen.print_line("body")
    screen.say_lines(_indent_body(letter.body), indent="  ")
    return screen.print_line(f"what to do: {give_advice(letter)}")


@app.command("redrive")
@with_stack
def redrive(
    stack: Stack,
    ids: IdsArgument = None,
    all_: Annotated[bool, typer.Option("--all", help="All that redriving can help.")] = False,
    queue: QueueOption = None,
    yes: YesOption = False,
) -> None:
    """Send dead letters back to the queue they came from, once the cause is fixed.

    What was refused for what it holds would be refused again: --all leaves it, and by its id you are asked.
    An order that is at work or done is recognised as a duplicate and ignored: redriving it twice does no harm.
    One whose execution failed or was stopped is started again; only `orders cancel` stops it permanently.
    """
    found = _choose_messages(stack, ids, queue, all_=all_)
    letters = found.letters
    if all_:
        letters = _keep_redrivable(letters)
    else:
        _refuse_releases(letters)
        if refused := [letter for letter in letters if letter.was_refused]:
            ask_person(
                f"{_list_ids(refused)}: refused for what it holds, as it would be again. Redrive all the same?", yes=yes
            )
    with show_working(screen.err, f"redriving {len(letters)}"):
        handled = actions.redrive_letters(stack, letters)
    _report_outcome(handled, found, "redriven")


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
    found = _choose_messages(stack, ids, queue, all_=all_)
    if found.letters:
        ask_person(f"{_list_ids(found.letters)}: delete permanently?", yes=yes)
    # Each body is out before its letter is deleted.
    handled = actions.drop_letters(stack, found.letters, lambda letter: screen.print_body(letter.body))
    _report_outcome(handled, found, "deleted", tell=screen.print_note)


def _choose_messages(stack: Stack, ids: list[str] | None, queue: Queue | None, *, all_: bool) -> Peek:
    """Return the named dead letters; unreadable ones matter only where all are meant."""
    if all_ == bool(ids):
        raise BadInput("ID: must be there or --all, not both" if ids else "ID: name a dead letter, or use --all")
    found = _peek_queues(stack, queue)
    if all_:
        return found
    named = [find_message(found, id_) for id_ in ids or ()]
    return Peek(list({letter.message_id: letter for letter in named}.values()), unread=0)


def _peek_queues(stack: Stack, queue: Queue | None) -> Peek:
    with show_working(screen.err, "reading the dead letters"):
        return queues.peek_queues(stack, [queue.value] if queue else queues.QUEUES)


def _keep_redrivable(letters: Sequence[DeadLetter]) -> list[DeadLetter]:
    """Give those that redriving can help, and name the others."""
    helped = [letter for letter in letters if can_be_redriven(letter) and not letter.was_refused]
    if left := [letter for letter in letters if letter not in helped]:
        screen.print_note(f"left: {_list_ids(left)}; `orders dlq show ID` tells what to do with such")
    return helped


def _refuse_releases(letters: Sequence[DeadLetter]) -> None:
    for letter in letters:
        if not can_be_redriven(letter):
            raise Refused(f"{letter.short_id}: a release is not redriven. {give_advice(letter)}")


def _list_ids(letters: Sequence[DeadLetter]) -> str:
    """Name dead letters one by one, up to the number a person would read."""
    names = [f"{one.short_id} ({screen.shorten_text(one.order_id) or one.queue})" for one in letters[:_MOST_NAMED]]
    more = len(letters) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


def _report_outcome(
    handled: Handled, found: Peek, what: str, *, tell: Callable[[str], None] = screen.print_line
) -> None:
    """Report the counts, and each dead letter that failed; exit code 1 if one did, or if some could not be read."""
    tell(f"{len(handled.done)} {what}" + (f", {len(handled.failed)} failed" if handled.failed else ""))
    for letter, reason in handled.failed:
        screen.print_complaint(f"{letter.short_id}: {reason}; it is still there")
    if handled.gone:
        screen.print_complaint(
            f"gone, or in somebody else's hands just now: {_list_ids(handled.gone)}; run this again in a minute"
        )
    _refuse_gap(found)
    if handled.failed or handled.gone:
        raise typer.Exit(1)


def _indent_body(body: str) -> str:
    """Indent a body if that changes nothing but its white space; what it was refused for, such as a 1e999, stays."""
    try:
        indented = json_.dumps(json_.loads(body), indent=2, ensure_ascii=body.isascii())
    except (ValueError, RecursionError):
        return body
    return indented if "".join(indented.split()) == "".join(body.split()) else body
