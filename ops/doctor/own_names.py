"""The names of what `orders doctor --probe` places: it is known again by them, and nothing else is taken for it."""

import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from functions.shared.errors import InvalidOrder
from functions.shared.message import parse_order
from functions.shared.order import Line, Order
from ops.dead_letters.dead_letter import MAIL_EVENTS, ORDERS, DeadLetter
from ops.tables.order_row import OrderRow

# As the reason of the movement that put the stock there; an item that has moved for another is somebody else's too.
REASON: Final = "placed by orders doctor --probe"
# Every mail goes to SES's mailbox simulator, which costs no reputation and works in the sandbox:
# https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html#send-email-simulator
_SIMULATOR: Final = "simulator.amazonses.com"
_MAILBOXES: Final = ("success", "bounce", "complaint")
_MALFORMED: Final = "malformed"

_RUN: Final = "doctor-[0-9]{8}T[0-9]{6}Z"
_ITEM: Final = re.compile(f"{_RUN}-item")
_ORDER: Final = re.compile(f"({_RUN})-(?!item$)[a-z]+")
BEGINNING: Final = "doctor-"  # of every id here; of others too, which the rest tells apart


def name_run(began: datetime) -> str:
    """Name a run after the moment when it began, UTC: all that it places begins so."""
    return f"{BEGINNING}{began:%Y%m%dT%H%M%SZ}"


def name_item(run: str) -> str:
    """Name the item that the run's orders are of."""
    return f"{run}-item"


def name_order(run: str, kind: str) -> str:
    """Name an order of a run; its kind is a word in small letters."""
    return f"{run}-{kind}"


def run_of(name: str) -> str:
    """Give the run that an order or an item was named after."""
    return name.rpartition("-")[0]


def make_order(run: str, kind: str, *, mailbox: str = "success", quantity: int = 1) -> Order:
    """Make an order of a run; its address says which order it is, for whoever sees it in SES's own records."""
    order_id = name_order(run, kind)
    return Order(order_id, _make_address(mailbox, order_id), (Line(name_item(run), quantity),))


def make_malformed(run: str) -> tuple[str, str]:
    """Make a message of a run that is no order: the id in it, and its body."""
    order_id = name_order(run, _MALFORMED)
    return order_id, json.dumps({"order_id": order_id})


def is_made_item(item_id: str, reasons: Sequence[str | None]) -> bool:
    """Whether a run put an item there, by its id and the reasons of its movements, the first first."""
    return _ITEM.fullmatch(item_id) is not None and [*reasons[:1]] == [REASON]


def is_own_item(item_id: str, reasons: Sequence[str | None]) -> bool:
    """Whether a run put an item there, and nobody else has moved it since."""
    return is_made_item(item_id, reasons) and set(reasons) == {REASON}


def is_own_message(letter: DeadLetter) -> bool:
    """Whether a run made a message, or AWS made it of a run's order or mail: by the fields that say so, not by words.

    A shop may write anything into an order, such as an address of the doctor's into a note.
    """
    named = _ORDER.fullmatch(letter.order_id or "")
    if letter.order_id is None or named is None:
        return False
    if letter.queue == MAIL_EVENTS:
        return json.loads(letter.body)["detail"]["mail"].get("destination") in (
            [address] for address in _list_addresses(letter.order_id)
        )
    if letter.queue == ORDERS and (letter.order_id, letter.body) == make_malformed(named[1]):
        return True
    try:
        return is_own_order(_read_order(letter))
    except InvalidOrder:
        return False


def _read_order(letter: DeadLetter) -> Order:
    """Read the order where the dead letter's id was found: in the message, or in its execution's input."""
    if letter.queue == ORDERS:
        return parse_order(letter.body)
    content = json.loads(letter.body)
    event = content.get("requestPayload") or content
    return Order.from_input(json.loads(event["detail"]["input"]))


def is_own_order(found: OrderRow | Order) -> bool:
    """Whether a run placed an order: by its id, its address at the simulator, and its only item."""
    named = _ORDER.fullmatch(found.order_id)
    if named is None or [line.item_id for line in found.lines] != [name_item(named[1])]:
        return False
    return found.customer_email in _list_addresses(found.order_id)


def _list_addresses(order_id: str) -> list[str]:
    return [_make_address(mailbox, order_id) for mailbox in _MAILBOXES]


def _make_address(mailbox: str, order_id: str) -> str:
    return f"{mailbox}+{order_id}@{_SIMULATOR}"
