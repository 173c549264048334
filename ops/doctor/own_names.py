"""The names of what `orders doctor --probe` places: it is known again by them, and nothing else is taken for it."""

import json
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from functions.shared.order import Line, Order
from ops.tables.order_row import OrderRow

# As the reason of the movement that put the stock there; an item without it is somebody else's.
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


def is_own_item(item_id: str, reasons: Iterable[str | None]) -> bool:
    """Whether a run put an item there, by its id and the reasons of its movements, the first first."""
    return _ITEM.fullmatch(item_id) is not None and next(iter(reasons), None) == REASON


def is_own_message(order_id: str | None, body: str) -> bool:
    """Whether a run made a message, or what AWS wrote of its order: by the id, and the address that goes with it."""
    named = _ORDER.fullmatch(order_id or "")
    if order_id is None or named is None:
        return False
    return any(address in body for address in _list_addresses(order_id)) or make_malformed(named[1]) == (order_id, body)


def is_own_order(found: OrderRow) -> bool:
    """Whether a run placed an order: by its id, its address at the simulator, and its only item."""
    named = _ORDER.fullmatch(found.order_id)
    if named is None or [line.item_id for line in found.lines] != [name_item(named[1])]:
        return False
    return found.customer_email in _list_addresses(found.order_id)


def _list_addresses(order_id: str) -> list[str]:
    return [_make_address(mailbox, order_id) for mailbox in _MAILBOXES]


def _make_address(mailbox: str, order_id: str) -> str:
    return f"{mailbox}+{order_id}@{_SIMULATOR}"
