"""An operator's conditional writes: tried again while others write first, and more slowly while DynamoDB throttles."""

import random
import time
from collections.abc import Callable
from typing import Final, TypeVar

from functions.shared.aws import TransactionCancelled
from functions.shared.errors import TransientError
from ops.errors import Refused

T = TypeVar("T")

# Between reading a row and writing it an order may come in between; this often in a row it does not.
TRIES: Final = 10
_FIRST_PAUSE: Final = 0.1  # seconds, doubled at each try: nine of them are at most 25 s
_LONGEST_PAUSE: Final = 5.0


class ChangedMeanwhile(Exception):
    """Somebody else wrote the row between reading it and writing it."""


def until_written(what: str, write: Callable[[], T], *, tries: int = TRIES) -> T:
    """Read and write until nobody comes in between.

    `write` raises `ChangedMeanwhile` if somebody did; DynamoDB's own reasons come as `TransactionCancelled`.

    Raises:
        Refused: somebody came in between each time.
        TransientError: DynamoDB throttled it, or other transactions were in its way, to the end.
    """
    busy: TransactionCancelled | None = None
    for number in range(tries):
        try:
            return write()
        except ChangedMeanwhile:
            busy = None
        except TransactionCancelled as cancelled:
            if not cancelled.is_transient:
                raise
            busy = cancelled
            if number + 1 < tries:
                time.sleep(random.uniform(0.5, 1) * min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**number))  # noqa: S311 - jitter
    if busy:
        raise TransientError(f"{what}: {busy}, at each of {tries} tries; nothing was changed") from busy
    raise Refused(f"{what}: it changed each of the {tries} times it was tried; nothing was changed")
