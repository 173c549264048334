"""Errors of the commands. The person reads the message alone, so it has to say everything."""


class Refused(Exception):
    """The answer is no, for a reason that lies in the orders or the stock; nothing was changed."""


class BadInput(Exception):
    """The input breaks a rule; the message names the field and the rule."""


class StackError(Exception):
    """The stack could not be asked: not there, out of reach, or not allowed."""
