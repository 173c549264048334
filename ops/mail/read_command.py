"""`orders email read`: the mails of an order, as its customer reads them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from ops.contract import rules
from ops.errors import BadInput
from ops.mail.sent_mails import SentMail, read_order_mails
from ops.stack import Stack
from ops.terminal import screen
from ops.terminal.options import JsonOption, with_stack

_TEMPLATES: Final = "functions/send_email/templates/"


@dataclass(frozen=True)
class MailsAnswer:
    """The mails of an order."""

    order_id: str
    """The order's id"""
    mails: list[SentMail]
    """The oldest first"""


@with_stack
def read(
    stack: Stack,
    order: Annotated[str, typer.Argument(metavar="ORDER", help="The order's id.", show_default=False)],
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the last mail's HTML into this file.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show the mails that were sent for an order, as text. On the local AWS alone: AWS keeps none."""
    rules.order_id("ORDER", order)
    mails = read_order_mails(stack, order)
    if html:
        _write_html(html, mails[-1])
    if json:
        screen.show_json(MailsAnswer(order, mails))
        return
    for number, mail in enumerate(mails, 1):
        if number > 1:
            screen.print_line("")
        screen.print_facts(_describe_head(mail, f"{number} of {len(mails)}" if len(mails) > 1 else None))
        screen.print_line("")
        screen.say_lines(mail.text.rstrip("\n"))
    screen.print_note(f"the templates are in {_TEMPLATES}")


def _describe_head(mail: SentMail, which: str | None) -> list[tuple[str, object]]:
    return [
        ("mail", which),
        ("from", mail.sender),
        ("to", ", ".join(mail.recipients)),
        ("subject", mail.subject),
        ("sent", f"{mail.sent_at:%Y-%m-%d %H:%M:%S} UTC, message {mail.message_id}"),
    ]


def _write_html(file: Path, mail: SentMail) -> None:
    try:
        file.write_text(mail.html or "", encoding="utf-8")
    except OSError as error:
        raise BadInput(f"--html: {file}: {error.strerror}") from error
