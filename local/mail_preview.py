"""`python -m local.mail_preview`: the mail of a sample order, out of the templates, without a stack.

It prints the subject and the text, and writes the HTML to a file for a browser.
"""

import sys
from pathlib import Path
from typing import Final

from functions.send_email.mailer import render_confirmation
from functions.shared.order import Line
from functions.shared.row import CONFIRMED, Row
from infra.paths import ROOT

_PAGE: Final = ROOT / ".build" / "mail.html"
# An id that must wrap, and markup that must stay text.
_SAMPLE: Final = Row(
    "12345",
    status=CONFIRMED,
    customer_email="customer@example.com",
    lines=(Line("item001", 2), Line("tea <green> & black, " + "long " * 12 + "name", 1)),
)


def main(page: Path = _PAGE) -> None:
    """Print the mail's subject and text, and write its HTML."""
    mail = render_confirmation(_SAMPLE)
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(mail.html, encoding="utf-8")
    print(f"Subject: {mail.subject}\n\n{mail.text}\n")
    print(f"The HTML is in {page}", file=sys.stderr)


if __name__ == "__main__":
    main()
