"""Advice to a person about a dead letter."""

from typing import Final

from ops.dead_letters.dead_letter import DeadLetter
from ops.shell import quote_command

_LONGEST_KEY: Final = 2048  # bytes that DynamoDB takes as a key: under a longer id no row was written, nothing is held


def give_advice(letter: DeadLetter) -> str:
    """Say what a person should do about a dead letter."""
    drop_it = quote_command("orders dlq drop", letter.short_id)
    redrive_it = quote_command("orders dlq redrive", letter.short_id)
    anew = "publish it under an id of its own (`orders place`)"
    match letter.queue:
        case "orders" if letter.error_type == "ConflictingOrder":
            return f"another order has this id: {anew}, then {drop_it}"
        case "orders" if letter.error_type:
            return (
                "it was never an order: correct it and publish it again,"
                f" under the same id unless `orders show` finds an order under it; then {drop_it}"
            )
        case "orders":
            return (
                f"fix what kept it from being started, then {redrive_it};"
                " an order at work or done is ignored as a duplicate, one that failed or was stopped starts again"
            )
        case "releases" if letter.order_id and len(letter.order_id) <= _LONGEST_KEY:
            retry_it = quote_command("orders retry", letter.order_id)
            return f"{retry_it}: the next attempt takes the order over; then {drop_it}"
        case "releases":
            return f"its execution was of no order, so nothing is held: {drop_it}"
        case _:
            return f"what became of a mail could not be written into the order's row: fix the cause, then {redrive_it}"
