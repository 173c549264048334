"""The domain's errors. The state machine branches on these class names, so renaming one changes the workflow."""

from typing import Final


class TransientError(Exception):
    """Something that passes on its own: throttling, a conflict, an outage. Worth another try."""


class InvalidOrder(Exception):
    """The order breaks a rule of the contract; the message names the field and the rule."""


class ConflictingOrder(Exception):
    """The order id is already used by an order with other content."""


class OrderAlreadyConfirmed(Exception):
    """The order holds its stock already; what may still be missing is the mail."""


class OrderClosed(Exception):
    """The order was rejected or cancelled: nothing more is to be done. It leads to the state OrderAlreadyClosed."""


class OrderAlreadyFailed(Exception):
    """This attempt is over. Nobody works on it, so it must not be reopened; publishing again starts the next.

    An order without a row belongs here too: UpdateOrder had written one, so a later step that finds none cannot go on.
    """


class OutOfStock(Exception):
    """An item is unknown or there is not enough of it; the message says which, wanted and available."""


class EmailRejected(Exception):
    """SES refused the mail permanently: another try would be refused too."""


class EmailOutcomeUnknown(Exception):
    """The mail may or may not have gone out; only a person may risk a second one."""


# Errors that are a step's answer. Lambda counts them as errors too, although nothing is broken.
ANSWERS: Final = (
    InvalidOrder,
    OrderAlreadyConfirmed,
    OrderClosed,
    OrderAlreadyFailed,
    OutOfStock,
    EmailRejected,
    EmailOutcomeUnknown,
)
