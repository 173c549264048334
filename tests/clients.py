"""Clients of AWS, and the stores over them, as tests need them."""

from typing import Any

from functions.reserve_inventory.store import open_inventory
from functions.send_email.mailer import open_mailer
from functions.send_email.store import open_mail_store
from functions.shared import aws
from functions.start_workflow.destinations import dead_letters, open_workflow
from functions.track_email.store import open_mail_progress
from functions.update_order.store import open_order_store


def forget_clients() -> None:
    """Make the functions make their clients anew; that they are kept, `make_client`'s overloads hide from its type."""
    kept: Any = aws.make_client
    kept.cache_clear()


def forget_stores() -> None:
    """Make the functions make their stores anew: each is of the tables that the environment named before."""
    for kept in (
        open_order_store,
        open_inventory,
        open_mail_store,
        open_mailer,
        open_workflow,
        dead_letters,
        open_mail_progress,
    ):
        kept.cache_clear()


def pose_as_client(double: object) -> Any:
    """Give a double where a client is asked for: it has the few operations that the test needs."""
    return double
