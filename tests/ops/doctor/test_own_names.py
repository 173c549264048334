"""What is the doctor's own, and what only looks like it."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from functions.shared.mail_tags import to_tags
from functions.shared.message import parse_order
from functions.shared.order import Line, Order
from ops.dead_letters.dead_letter import MAIL_EVENTS, ORDERS, RELEASES, DeadLetter
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
        (name_item(RUN), [REASON, "restock"]),
        (name_item(RUN), [REASON, None]),
        (name_item(RUN), []),
        (name_item(RUN), [None]),
    ],
)
def test_an_item_that_only_looks_like_it_is_somebody_elses(item_id: str, reasons: list[str | None]) -> None:
    assert is_own_item(name_item(RUN), [REASON])
    assert not is_own_item(item_id, reasons)


def make_letter(queue: str, body: str) -> DeadLetter:
    return DeadLetter.from_message(queue, {"MessageId": "m1", "ReceiptHandle": "r1", "Body": body})


def make_event(order: Order, **beside: str) -> dict[str, Any]:
    return {"detail": {"input": order.to_input(1), **beside}}


def make_mail(order: Order, *destination: str) -> dict[str, Any]:
    tags = {tag["Name"]: [tag["Value"]] for tag in to_tags("claim", order.order_id)}
    return {"detail": {"mail": {"tags": tags, "destination": [*destination], "subject": order.customer_email}}}


ADAS = replace(OWN, customer_email="ada@example.com")
OF_TEA = replace(OWN, lines=(Line("tea", 1),))
MALFORMED = make_malformed(RUN)[1]


@pytest.mark.parametrize(
    ("queue", "body"),
    [
        (ORDERS, MALFORMED),
        (ORDERS, message_of(OWN)),
        (RELEASES, json.dumps(make_event(OWN))),
        (RELEASES, json.dumps({"requestPayload": make_event(OWN)})),
        (MAIL_EVENTS, json.dumps(make_mail(OWN, OWN.customer_email))),
    ],
)
def test_a_message_is_known_by_the_fields_of_its_order(queue: str, body: str) -> None:
    assert is_own_message(make_letter(queue, body))


@pytest.mark.parametrize(
    ("queue", "body"),
    [
        (ORDERS, "not even JSON"),
        (ORDERS, message_of(replace(OWN, order_id="12345"))),
        (ORDERS, MALFORMED.replace("}", ', "customer_email": "ada@example.com"}')),
        (ORDERS, MALFORMED.replace("}", f', "note": "{OWN.customer_email}"}}')),
        (ORDERS, message_of(ADAS)),
        (ORDERS, message_of(ADAS).replace("}", f', "note": "{OWN.customer_email}"}}')),
        (ORDERS, message_of(OF_TEA)),
        (RELEASES, json.dumps(make_event(ADAS, note=OWN.customer_email))),
        (RELEASES, json.dumps(make_event(OF_TEA))),
        (RELEASES, json.dumps({"requestPayload": make_event(ADAS), "note": OWN.customer_email})),
        (RELEASES, json.dumps({"detail": {"input": MALFORMED}, "note": OWN.customer_email})),
        (MAIL_EVENTS, json.dumps(make_mail(OWN, "ada@example.com"))),
        (MAIL_EVENTS, json.dumps(make_mail(OWN, OWN.customer_email, "ada@example.com"))),
        (MAIL_EVENTS, json.dumps(make_mail(OWN))),
    ],
)
def test_a_message_that_only_speaks_of_the_doctor_is_somebody_elses(queue: str, body: str) -> None:
    assert not is_own_message(make_letter(queue, body))
