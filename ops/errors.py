"""Why a command could not do what it was asked; each message is what the person reads, and nothing else."""


class Refused(Exception):
    """The answer is no, for a reason that lies in the orders or the stock; nothing was changed."""


class BadInput(Exception):
    """What was typed breaks a rule; the message names the field and the rule."""


class StackError(Exception):
    """The stack could not be asked: not there, out of reach, or not allowed."""
