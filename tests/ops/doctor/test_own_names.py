"""What is the doctor's own, and what only looks like it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from functions.shared.message import parse_order
from functions.shared.order import Line
from ops.doctor.own_names import (
    REASON,
    is_own_item,
    is_own_message,
    is_own_order,
    make_malformed,
    make_order,
    name_item,
    name_run,
)
from ops.orders.publish import message_of
from ops.tables.order_row import OrderRow

RUN = name_run(datetime(2026, 11, 25, 17, 59, 3, tzinfo=UTC))
OWN = make_order(RUN, "complaint", mailbox="complaint")
ROW = OrderRow(OWN.order_id, "CONFIRMED", 1, OWN.customer_email, OWN.lines)


def test_a_runs_names_are_as_a_person_can_read_them() -> None:
    assert RUN == "doctor-20261125T175903Z"
    assert OWN.order_id == "doctor-20261125T175903Z-complaint"
    assert OWN.customer_email == "complaint+doctor-20261125T175903Z-complaint@simulator.amazonses.com"


def test_a_shop_may_publish_what_a_run_publishes() -> None:
    assert parse_order(message_of(OWN)) == OWN


@pytest.mark.parametrize(
    "row",
    [
        replace(ROW, order_id="doctor-who"),
        replace(ROW, order_id="doctor-20261125-complaint"),
        replace(ROW, order_id=f"{OWN.order_id}-2"),
        replace(ROW, order_id=f"my-{OWN.order_id}"),
        replace(ROW, customer_email="ada@example.com"),
        replace(ROW, customer_email="complaint@simulator.amazonses.com"),
        replace(ROW, customer_email=None),
        replace(ROW, lines=()),
        replace(ROW, lines=(Line("tea", 1),)),
        replace(ROW, lines=(*OWN.lines, Line("tea", 1))),
    ],
    ids=repr,
)
def test_an_order_that_only_looks_like_it_is_somebody_elses(row: OrderRow) -> None:
    assert is_own_order(ROW)
    assert not is_own_order(row)


@pytest.mark.parametrize(
    ("item_id", "reasons"),
    [
        ("doctor-bag", [REASON]),
        (f"{RUN}-item-2", [REASON]),
        (f"{RUN}-complaint", [REASON]),
        (name_item(RUN), ["restock", REASON]),
        (name_item(RUN), []),
        (name_item(RUN), [None]),
    ],
)
def test_an_item_that_only_looks_like_it_is_somebody_elses(item_id: str, reasons: list[str | None]) -> None:
    assert is_own_item(name_item(RUN), [REASON, "restock"])
    assert not is_own_item(item_id, reasons)


def test_a_message_is_known_by_its_id_and_its_address() -> None:
    malformed = make_malformed(RUN)
    assert is_own_message(*malformed)
    assert is_own_message(OWN.order_id, message_of(OWN))
    assert is_own_message(OWN.order_id, f'{{"detail": {{"input": "…{OWN.customer_email}…"}}}}')
    assert not is_own_message(None, malformed[1])
    assert not is_own_message("12345", message_of(OWN))
    assert not is_own_message(malformed[0], malformed[1].replace("}", ', "customer_email": "ada@example.com"}'))
    assert not is_own_message(OWN.order_id, message_of(replace(OWN, customer_email="ada@example.com")))
