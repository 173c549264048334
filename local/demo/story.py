"""The story in chapters; each publishes, waits until it has come out, shows it and checks it."""

import json
from collections.abc import Iterable
from typing import Any, Final

from local.demo.display import mail_panel, stock_table
from local.demo.stage import Stage
from ops.books.balance import count_held
from ops.mail.sent_mails import SentMail
from ops.orders.history import Visit
from ops.tables.order_row import OrderRow

STOCK: Final = {"item001": 10, "item002": 5}

SEED: Final[dict[str, Any]] = {
    "order_id": "12345",
    "customer_email": "customer@example.com",
    "items": [{"item_id": "item001", "quantity": 2}, {"item_id": "item002", "quantity": 1}],
}
TOO_MUCH: Final[dict[str, Any]] = {
    **SEED,
    "order_id": "12346",
    "items": [{"item_id": "item001", "quantity": 1}, {"item_id": "item002", "quantity": 1000}],
}
NO_ORDER: Final[dict[str, Any]] = {
    **SEED,
    "order_id": "12347",
    "items": [{"item_id": "item001", "quantity": "two"}],
}
UNVERIFIED: Final[dict[str, Any]] = {
    "order_id": "12348",
    "customer_email": "new.customer@example.org",
    "items": [{"item_id": "item001", "quantity": 3}],
}


def tell_story(stage: Stage) -> None:
    stage.pipeline.stock_up(STOCK)
    _an_order_comes_in(stage)
    _the_same_again(stage)
    _more_than_there_is(stage)
    _not_an_order(stage)
    _mail_refused(stage)
    _published_again(stage)
    _the_books(stage)


def _an_order_comes_in(stage: Stage) -> None:
    stage.chapter("1  An order comes in")
    stage.publish(SEED)
    execution = stage.ended("12345")
    check = stage.checks
    check.expect("states", _format_path(execution.states), "UpdateOrder → ReserveInventory → SendConfirmation")
    check.expect("execution", execution.status, "SUCCEEDED")
    check.expect("order", _make_order(stage, "12345").status, "CONFIRMED")
    check.expect("stock left", stage.pipeline.stock(), {"item001": 8, "item002": 4})
    check.expect("mail", _make_order(stage, "12345").email_status, "SENT")
    mails = _mails_to(stage, SEED)
    check.expect("mails to the customer", len(mails), 1)
    for mail in mails:
        check.holds("it names the order and its items, as text and as HTML", _names_all_of(SEED, mail))
        stage.show(mail_panel(mail))
        _keep_html(stage, mail)


def _the_same_again(stage: Stage) -> None:
    stage.chapter("2  The same message again, as SNS and SQS may deliver it")
    before = _make_order(stage, "12345")
    stage.publish(SEED)
    check = stage.checks
    left = stage.settled(lambda: stage.pipeline.messages_in("OrderQueueUrl"), 0)
    check.expect("messages left in the order queue", left, 0)
    check.expect("executions of the order", len(stage.pipeline.attempts("12345")), 1)
    check.holds("the order's row is untouched", _make_order(stage, "12345") == before)
    check.expect("stock left", stage.pipeline.stock(), {"item001": 8, "item002": 4})
    check.expect("mails to the customer", len(_mails_to(stage, SEED)), 1)


def _more_than_there_is(stage: Stage) -> None:
    stage.chapter("3  More than there is")
    stage.publish(TOO_MUCH)
    execution = stage.ended("12346")
    check = stage.checks
    rejected = "UpdateOrder → ReserveInventory → RejectOrder → OrderRejected"
    check.expect("states", _format_path(execution.states), rejected)
    check.expect("order", _make_order(stage, "12346").status, "REJECTED")
    check.expect("stock left, nothing taken of either", stage.pipeline.stock(), {"item001": 8, "item002": 4})
    check.expect("mails to the customer", len(_mails_to(stage, SEED)), 1)


def _not_an_order(stage: Stage) -> None:
    stage.chapter("4  A message that is no order")
    message = json.dumps(NO_ORDER)
    stage.say(f"published: {message}")
    stage.pipeline.publish(message)
    check = stage.checks
    letters = stage.wait_for("the dead letter queue", lambda: stage.pipeline.dead_letters() or None)
    letter = letters[0]
    stage.say(f"in the dead letter queue: {letter.error_type}: {letter.error_message}")
    check.expect("dead letters", len(letters), 1)
    check.holds("it is the message, unchanged", letter.body == message)
    check.expect("error_type", letter.error_type, "InvalidOrder")
    check.holds(
        "error_message names the field and its rule",
        (letter.error_message or "").startswith("items[0].quantity: must be "),
    )
    check.expect("executions of it", len(stage.pipeline.attempts("12347")), 0)


def _mail_refused(stage: Stage) -> None:
    stage.chapter("5  SES in its sandbox, and a customer whose address is not verified")
    stage.pipeline.restrict_mail()
    stage.say("from here on SES sends to verified addresses only")
    stage.publish(UNVERIFIED)
    execution = stage.ended("12348")
    check = stage.checks
    check.expect("execution", execution.status, "FAILED")
    check.expect("failed at", _describe_failure(execution.states), "SendConfirmation, EmailRejected, 1 try")
    check.expect("order all the same", _make_order(stage, "12348").status, "CONFIRMED")
    check.expect("mail", _make_order(stage, "12348").email_status, "REJECTED")
    check.expect("stock left", stage.pipeline.stock(), {"item001": 5, "item002": 4})
    check.expect("mails to the customer", len(_mails_to(stage, UNVERIFIED)), 0)


def _published_again(stage: Stage) -> None:
    stage.chapter("6  The address verified, and the order published again")
    stage.pipeline.verify_address(UNVERIFIED["customer_email"])
    stage.say(f"verified: {UNVERIFIED['customer_email']}")
    stage.publish(UNVERIFIED)
    execution = stage.ended("12348", attempt=2)
    check = stage.checks
    check.expect("states, nothing taken again", _format_path(execution.states), "UpdateOrder → SendConfirmation")
    check.expect("execution", execution.status, "SUCCEEDED")
    check.expect("order", _make_order(stage, "12348").status, "CONFIRMED")
    check.expect("stock left", stage.pipeline.stock(), {"item001": 5, "item002": 4})
    check.expect("mail", _make_order(stage, "12348").email_status, "SENT")
    check.expect("mails to the customer", len(_mails_to(stage, UNVERIFIED)), 1)


def _the_books(stage: Stage) -> None:
    stage.chapter("7  The books")
    orders, left = stage.pipeline.orders(), stage.pipeline.stock()
    taken = count_held(orders.values())
    stage.show(stock_table(STOCK, taken, left))
    check = stage.checks
    check.expect("left + confirmed", {item: left.get(item, 0) + taken[item] for item in STOCK}, STOCK)
    statuses = {order_id: order.status for order_id, order in sorted(orders.items())}
    check.expect("orders", statuses, {"12345": "CONFIRMED", "12346": "REJECTED", "12348": "CONFIRMED"})
    check.expect("mails in all", len(stage.pipeline.mails()), 2)


def _make_order(stage: Stage, order_id: str) -> OrderRow:
    return stage.pipeline.orders().get(order_id, OrderRow(order_id))


def _mails_to(stage: Stage, order: dict[str, Any]) -> list[SentMail]:
    return [mail for mail in stage.pipeline.mails() if order["customer_email"] in mail.recipients]


def _names_all_of(order: dict[str, Any], mail: SentMail) -> bool:
    names = [order["order_id"], *(line["item_id"] for line in order["items"])]
    return all(name in part for name in names for part in (mail.text, mail.html or ""))


def _keep_html(stage: Stage, mail: SentMail) -> None:
    """Leave the HTML part where a browser can show it."""
    kept = stage.folder / "demo-mail.html"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(mail.html or "", encoding="utf-8")
    stage.say(f"  its HTML part: {kept.parent.name}/{kept.name}")


def _format_path(visits: Iterable[Visit]) -> str:
    return " → ".join(visit.state for visit in visits)


def _describe_failure(visits: tuple[Visit, ...]) -> str:
    last = visits[-1] if visits else None
    return f"{last.state}, {last.error}, {last.tries} {'try' if last.tries == 1 else 'tries'}" if last else "no state"
