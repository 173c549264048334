"""`orders email`: addresses and SES's sandbox, and an order's mail read, and sent again."""

import time
from dataclasses import dataclass, replace
from typing import Annotated, Final

import typer

from functions.shared import row
from ops.contract import rules
from ops.errors import Refused
from ops.mail.addresses import Address, Mail, SesAccount, may_have_left, order_mail, resend_mail, why_no_mail
from ops.mail.read_command import read
from ops.shell import quote_command
from ops.stack import Stack
from ops.tables.order_row import OrderRow
from ops.terminal import screen
from ops.terminal.options import JsonOption, YesOption, ask_person, with_stack
from ops.terminal.working import show_working

app = typer.Typer(
    help="E-mail: who may send and receive, the sandbox, and an order's mail again.", no_args_is_help=True
)

_GUIDE: Final = "docs/leaving-the-sandbox.md"


@dataclass(frozen=True, kw_only=True)
class ShownAddress(Address):
    """An address or a domain."""

    verified: bool
    """Whether SES sends from it, and in the sandbox to it"""


@dataclass(frozen=True)
class AddressesAnswer:
    """The addresses that SES knows."""

    in_sandbox: bool
    """Whether mail leaves for verified addresses and domains only"""
    sender: str
    """The address that confirmations come from"""
    addresses: tuple[ShownAddress, ...]
    """The sender's first"""


@app.command("verify")
@with_stack
def verify(
    stack: Stack,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="A mailbox that you can read.", show_default=False)],
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the link in the mail was followed.")] = False,
) -> None:
    """Have SES mail an address a link; once it is followed, SES sends from it, and in the sandbox to it.

    Run again, it mails the link again.
    """
    rules.email("ADDRESS", address)
    mail = Mail(stack.client("sesv2"))
    was_verified = mail.address(address).is_verified
    found = mail.verify(address, lambda again: stack.client("ses").verify_email_identity(EmailAddress=again))
    if not found.is_verified:
        screen.print_note(f"SES has mailed {address} a link, good for a day")
        if not wait:
            ask_again = quote_command("orders email status", address)
            return screen.print_line(f"{address}: {found.status}; {ask_again} shows when it was followed")
        with show_working(screen.err, f"waiting until {address} follows it"):
            found = mail.wait_until_verified(address, time.sleep)
    already = "already " if was_verified else ""
    by = f" by {found.identity}" if found.identity != address else ""
    return screen.print_line(f"{address}: {already}verified{by}")


@app.command("status")
@with_stack
def status(
    stack: Stack,
    addresses: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ADDRESS", help="Addresses; without, all that SES knows in this account.", show_default=False
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show which addresses are verified, the sender's first; of named ones, whether SES holds mail to them back too."""
    for address in addresses or ():
        rules.email("ADDRESS", address)
    mail, sender = Mail(stack.client("sesv2")), stack["SenderEmail"]
    with show_working(screen.err, "asking SES"):
        account, found = mail.account(), _look_up(mail, sender, addresses)
    if json:
        shown = tuple(ShownAddress(**vars(one), verified=one.is_verified) for one in found)
        return screen.show_json(AddressesAnswer(account.in_sandbox, sender, shown))
    rows = [("sender" if one.address == sender else "", one.address, *_describe_state(one)) for one in found]
    columns = dict.fromkeys(("", "address", "verified"), "left") | {"held back": "text"}
    screen.print_table(columns, rows, empty="SES knows no address")
    return screen.print_line(_describe_sandbox(account))


def _look_up(mail: Mail, sender: str, addresses: list[str] | None) -> list[Address]:
    """Look up the sender, and what was named or else all that SES knows."""
    if not addresses:
        return [mail.address(sender), *(one for one in mail.identities() if one.address != sender)]
    named = {name: replace(mail.address(name), suppression=mail.suppression(name)) for name in addresses}
    first = named.pop(sender) if sender in named else mail.address(sender)
    return [first, *named.values()]


@app.command("sandbox")
@with_stack
def sandbox(stack: Stack, json: JsonOption = False) -> None:
    """Show whether SES has the account in its sandbox, what is left of the quota, and how to leave it."""
    account = Mail(stack.client("sesv2")).account()
    if json:
        return screen.show_json(account)
    screen.print_line(_describe_sandbox(account))
    screen.print_facts(_describe_quota(account))
    if not account.sending_enabled:
        screen.print_line(
            "Sending is paused: SES refuses every mail. The reason is in the SES console, Account dashboard"
        )
    if account.in_sandbox:
        screen.print_line(f"To leave it: {_GUIDE}")
    return None


app.command("read")(read)


@app.command("resend")
@with_stack
def resend_(
    stack: Stack,
    order: Annotated[str, typer.Argument(metavar="ORDER", help="The order's id.", show_default=False)],
    yes: YesOption = False,
) -> None:
    """Send the mail of a confirmed order again, by the same function that sends all.

    Where a mail has left, or may have, you are asked: this one would be the customer's second.
    """
    rules.order_id("ORDER", order)
    found = order_mail(stack, order)
    if reason := why_no_mail(found, Mail(stack.client("sesv2")).suppression):
        raise Refused(f"order {order}: {reason}")
    if may_have_left(found):
        ask_person(f"{_describe_last_mail(found)} Send it again?", yes=yes)
    with show_working(screen.err, "sending the mail"):
        sent = resend_mail(stack, found)
    screen.print_line(
        f"{order}: {sent.email_status}" + (f", message {sent.email_message_id}" if sent.email_message_id else "")
    )


def _describe_last_mail(order: OrderRow) -> str:
    """Say what is known of the mail that there was."""
    if order.email_status in (row.MAIL_UNKNOWN, row.MAIL_SENDING):
        why = (
            "its sender never came back"
            if order.email_status == row.MAIL_SENDING
            else order.email_error or "no reason is noted"
        )
        return (
            f"Order {order.order_id}: it is unknown whether its mail left ({why}); this may be the customer's second."
        )
    return f"Order {order.order_id}: its mail is {order.email_status}; this will be the customer's second."


def _describe_state(address: Address) -> tuple[str, str | None]:
    held = address.suppression
    verified = "no" if address.identity is None else (address.status or "")
    if address.is_verified:
        verified = "yes" if address.identity == address.address else f"yes, by {address.identity}"
    return verified, str(held) if held else None


def _describe_sandbox(account: SesAccount) -> str:
    if account.in_sandbox:
        return "The account is in the SES sandbox: mail leaves for verified addresses and domains only."
    return "The account is out of the SES sandbox: mail leaves for everybody."


def _describe_quota(account: SesAccount) -> list[tuple[str, object]]:
    a_day = "as many as you like" if account.most_in_24_hours < 0 else f"{account.most_in_24_hours:,}"
    return [
        ("sent in 24 hours", f"{account.sent_in_24_hours:,} of {a_day}"),
        ("at most a second", f"{account.most_in_a_second:g}"),
        ("reputation", account.enforcement),
        ("request to leave it", account.review),
    ]
