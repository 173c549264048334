"""The mail itself: its text and HTML parts, and the one call to SES."""

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from functions.send_email.mail_subject import join_lines, write_subject
from functions.shared.aws import call_ses, make_client
from functions.shared.errors import EmailRejected
from functions.shared.mail_tags import to_tags
from functions.shared.observability import without_addresses
from functions.shared.row import Row

if TYPE_CHECKING:
    from mypy_boto3_sesv2.type_defs import ContentTypeDef


_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(["html.j2"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_TEMPLATES.filters["one_line"] = join_lines
_TEMPLATES.globals.clear()  # none is used, and each rendering would copy them
_TEXT: Final = _TEMPLATES.get_template("confirmation.txt.j2")
_HTML: Final = _TEMPLATES.get_template("confirmation.html.j2")


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The mail as the customer reads it."""

    subject: str
    text: str
    html: str


def render_confirmation(order: Row) -> Confirmation:
    """Make an order's mail out of the templates."""
    return Confirmation(
        subject=write_subject(order.order_id),
        text=_TEXT.render(order=order),
        html=_HTML.render(order=order),
    )


class Mailer:
    """Sends from one address, which SES must know as verified; a configuration set is where SES reports on the mail."""

    def __init__(self, sender: str, configuration_set: str | None) -> None:
        self._sender = sender
        self._options: dict[str, Any] = {"ConfigurationSetName": configuration_set} if configuration_set else {}

    def send(self, order: Row, claim: str) -> str:
        """Send an order's confirmation and return the id that SES gave it.

        The tags distinguish an event of this mail from one of an earlier mail of the same order.

        Raises:
            TransientError, EmailRejected, EmailOutcomeUnknown: see `functions.shared.aws.call_ses`.
        """
        if order.customer_email is None:
            raise EmailRejected("customer_email: must be in the order's row")
        mail = render_confirmation(order)
        try:
            answer = call_ses(
                make_client("sesv2").send_email,
                **self._options,
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [order.customer_email]},
                Content={
                    "Simple": {
                        "Subject": _encode_part(mail.subject),
                        "Body": {"Text": _encode_part(mail.text), "Html": _encode_part(mail.html)},
                    }
                },
                EmailTags=to_tags(claim, order.order_id),
            )
        except EmailRejected as error:
            raise EmailRejected(self._without_addresses(str(error), order.customer_email)) from error
        return answer["MessageId"]

    def _without_addresses(self, message: str, recipient: str) -> str:
        """Name the addresses that SES quotes by their part in the mail."""
        return without_addresses(message.replace(recipient, "the recipient").replace(self._sender, "the sender"))


def _encode_part(text: str) -> "ContentTypeDef":
    return {"Data": text, "Charset": "UTF-8"}


@cache
def open_mailer() -> Mailer:
    """Give the mailer of the sender and the configuration set that the stack names; the local stack has no set."""
    return Mailer(os.environ["SENDER_EMAIL"], os.environ.get("CONFIGURATION_SET"))
