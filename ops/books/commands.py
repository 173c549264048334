"""`orders check`: checks that stock and orders agree, and shows every difference."""

import time
from dataclasses import dataclass
from typing import Final

import typer

from ops.books.check import PAUSE_SECONDS, Report, Tables, WrongItem
from ops.books.check import check_books as check_
from ops.stack import Stack
from ops.terminal import screen
from ops.terminal.options import JsonOption, with_stack
from ops.terminal.working import show_working

_MOST_HOLDERS: Final = 10


@dataclass(frozen=True)
class _Verdict:
    """The first fields of the answer; a base class, since a base's fields come first."""

    sound: bool
    """Whether nothing is wrong and nothing was left open: exit code 0"""


@dataclass(frozen=True)
class CheckAnswer(Report, _Verdict):
    """Whether stock and orders agree."""


@with_stack
def check(stack: Stack, json: JsonOption = False) -> None:
    """Prove that stock and orders agree: per item, its movements add up to what is available and what orders hold.

    It reads all three tables whole, and again as long as something disagrees that orders are moving just now.
    Exit code 1 if something is wrong; 3 if all that disagrees kept moving, so that the result is undecided.
    """
    tables = Tables.of(stack)
    with show_working(screen.err, "reading the tables") as tell:
        report = check_(tables, lambda: time.sleep(PAUSE_SECONDS), tell)
    if json:
        screen.show_json(CheckAnswer(sound=report.is_sound, **vars(report)))
    else:
        _show_report(report)
    if report.moving:
        moved = f"{', '.join(report.moving)} moved at each of {report.readings} readings"
        screen.print_complaint(f"undecided, run it again: {moved}")
    if not report.is_sound:
        raise typer.Exit(1 if report.wrong_items or report.wrong_orders else 3)


def _show_report(report: Report) -> None:
    for item in report.wrong_items:
        _show_item(item)
    for order in report.wrong_orders:
        screen.print_line(f"order {order.order_id}: {'; '.join(order.problems)}")
    if report.not_audited:
        items = _format_count(len(report.not_audited), "item")
        screen.print_note(
            f"not audited, since no movement accounts for it: {items}, such as {report.not_audited[0]};"
            " `orders stock set` writes an opening balance"
        )
    if any(item.difference for item in report.wrong_items):
        screen.print_note("once you know why, `orders stock reconcile ITEM --reason …` accounts for a difference")
    verdict = "they agree"
    if report.wrong_items or report.wrong_orders:
        items = _format_count(len(report.wrong_items), "item")
        verdict = f"wrong: {items}, {_format_count(len(report.wrong_orders), 'order')}"
    elif report.moving:
        verdict = "they agree but for what keeps moving"
    screen.print_line(f"{_format_count(report.items, 'item')}, {_format_count(report.orders, 'order')}: {verdict}")


def _show_item(item: WrongItem) -> None:
    screen.print_line(f"item {item.item_id}: {'; '.join(item.problems)}")
    if not item.difference:
        return
    found = (item.available or 0) + item.held
    screen.print_line(
        f"  its movements add up to {item.expected}; found {found}: {item.available or 0} available"
        f" and {item.held} held by {_format_count(len(item.holders), 'CONFIRMED order')}"
    )
    if not item.holders:
        return
    names = [f"{holder.order_id} ({holder.quantity})" for holder in item.holders[:_MOST_HOLDERS]]
    more = len(item.holders) - len(names)
    screen.print_line(f"  held by: {', '.join(names)}{f' and {more} more' if more else ''}")


def _format_count(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
