"""What a person's shell may hold that a test must not follow."""

import os
import re
from collections.abc import MutableMapping
from typing import Final

# The export lines of `make up` and `orders env`, which the guides tell people to evaluate; what the functions read; how
# a terminal shows things; and what `make` hands to a `make` inside.
_FOREIGN: Final = re.compile(
    r"(AWS|BOTO|CDK|MINISTACK|ORDERS?|POWERTOOLS|SFN)_\w+"
    r"|(STATE_MACHINE|RELEASE_DLQ|SEND_EMAIL_FUNCTION|MAIL_EVENT_(QUEUE|DLQ))_(ARN|URL)"
    r"|(INVENTORY|STOCK_MOVEMENTS)_TABLE(_NAME)?"
    r"|SENDER_EMAIL|CONFIGURATION_SET"
    r"|MAKEFLAGS|MAKELEVEL|MFLAGS"
    r"|COLUMNS|LINES|FORCE_COLOR|NO_COLOR|TTY_COMPATIBLE|TTY_INTERACTIVE|PAGER|PYTHONWARNINGS"
)


def forget_shell(environment: MutableMapping[str, str] = os.environ) -> None:
    """Take out of an environment what belongs to the shell's own AWS, stack and terminal."""
    for name in [name for name in environment if _FOREIGN.fullmatch(name)]:
        del environment[name]
