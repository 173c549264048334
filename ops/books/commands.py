"""`orders check`: whether stock and orders agree, and what does not."""

import time
from dataclasses import dataclass
from typing import Final

import typer

from ops.books.check import PAUSE_SECONDS, Report, Tables, WrongItem
from ops.books.check import check as check_
from ops.stack import Stack
from ops.terminal import screen
from ops.terminal.options import JsonOption, with_stack
from ops.terminal.working import working

_MOST_HOLDERS: Final = 10


@dataclass(frozen=True)
class _Verdict:
    """What the answer begins with, as a base's fields come first."""

    sound: bool
    """Whether nothing is wrong and nothing was left open: exit code 0"""


@dataclass(frozen=True)
class CheckAnswer(Report, _Verdict):
    """Whether stock and orders agree."""


@with_stack
def check(stack: Stack, json: JsonOption = False) -> None:
    """Prove that stock and orders agree: per item, its movements add up to what is available and what orders hold.

    It reads all three tables whole, and again as long as something disagrees that orders are moving just now.
    Exit code 1 if something is wrong; 3 if all that disagrees kept moving, so that it cannot be told.
    """
    tables = Tables.of(stack)
    with working(screen.err, "reading the tables") as tell:
        report = check_(tables, lambda: time.sleep(PAUSE_SECONDS), tell)
    if json:
        screen.show_json(CheckAnswer(sound=report.is_sound, **vars(report)))
    else:
        _show(report)
    if report.moving:
        moved = f"{', '.join(report.moving)} moved at each of {report.readings} readings"
        screen.complain(f"it cannot be told yet, run it again: {moved}")
    if not report.is_sound:
        raise typer.Exit(1 if report.wrong_items or report.wrong_orders else 3)


def _show(report: Report) -> None:
    for item in report.wrong_items:
        _show_item(item)
    for order in report.wrong_orders:
        screen.say(f"order {order.order_id}: {'; '.join(order.problems)}")
    if report.not_audited:
        items = _many(len(report.not_audited), "item")
        screen.note(
            f"not audited, since no movement accounts for it: {items}, such as {report.not_audited[0]};"
            " `orders stock set` writes an opening balance"
        )
    if any(item.difference for item in report.wrong_items):
        screen.note("once you know why, `orders stock reconcile ITEM --reason …` accounts for a difference")
    verdict = "they agree"
    if report.wrong_items or report.wrong_orders:
        verdict = f"wrong: {_many(len(report.wrong_items), 'item')}, {_many(len(report.wrong_orders), 'order')}"
    elif report.moving:
        verdict = "they agree but for what keeps moving"
    screen.say(f"{_many(report.items, 'item')}, {_many(report.orders, 'order')}: {verdict}")


def _show_item(item: WrongItem) -> None:
    screen.say(f"item {item.item_id}: {'; '.join(item.problems)}")
    if not item.difference:
        return
    found = (item.available or 0) + item.held
    screen.say(
        f"  its movements add up to {item.expected}; found {found}: {item.available or 0} available"
        f" and {item.held} held by {_many(len(item.holders), 'CONFIRMED order')}"
    )
    if not item.holders:
        return
    names = [f"{holder.order_id} ({holder.quantity})" for holder in item.holders[:_MOST_HOLDERS]]
    more = len(item.holders) - len(names)
    screen.say(f"  held by: {', '.join(names)}{f' and {more} more' if more else ''}")


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
