"""Errors of the local AWS, in words a person can act on."""


class LocalAwsError(Exception):
    """The message is for the person at the terminal; no traceback is needed beside it."""
