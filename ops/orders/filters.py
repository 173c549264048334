"""The argument and options that choose orders, the same in every command that has them."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from functions.shared import row
from ops.contract import rules
from ops.orders.ledger import Filter

OrderArgument = Annotated[str, typer.Argument(metavar="ORDER", help="The order's id.", show_default=False)]


class Status(StrEnum):
    """The statuses of an order."""

    PROCESSING = row.PROCESSING
    CONFIRMED = row.CONFIRMED
    REJECTED = row.REJECTED
    FAILED = row.FAILED
    CANCELLED = row.CANCELLED


class MailStatus(StrEnum):
    """The statuses of an order's mail."""

    PENDING = row.MAIL_PENDING
    SENDING = row.MAIL_SENDING
    SENT = row.MAIL_SENT
    DELIVERED = row.MAIL_DELIVERED
    BOUNCED = row.MAIL_BOUNCED
    COMPLAINED = row.MAIL_COMPLAINED
    REJECTED = row.MAIL_REJECTED
    UNKNOWN = row.MAIL_UNKNOWN


StatusOption = Annotated[
    Status | None, typer.Option("--status", "-s", help="Only orders of this status.", case_sensitive=False)
]
MailOption = Annotated[
    MailStatus | None, typer.Option("--mail", "-m", help="Only orders whose mail is so.", case_sensitive=False)
]
SinceOption = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="TIME",
        help="Only orders whose row changed last (updated_at) at most so long ago, as in 30m, 2h or 7d.",
    ),
]
OlderThanOption = Annotated[
    str | None,
    typer.Option("--older-than", metavar="TIME", help="Only orders whose row changed last longer ago than that."),
]


def choose_orders(status: Status | None, mail: MailStatus | None, since: str | None, older_than: str | None) -> Filter:
    """Make the filter of what was typed; times count back from now, by this machine's clock."""
    now = datetime.now(UTC)
    return Filter(
        status=status,
        mail=mail,
        since=now - rules.read_duration("--since", since) if since is not None else None,
        before=now - rules.read_duration("--older-than", older_than) if older_than is not None else None,
    )
