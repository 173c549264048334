"""Waits for what AWS does a moment later: each wait has an end."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Patience:
    """A clock, a pause between two looks, and a hearer of what is waited for."""

    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep
    tell: Callable[[str], None] = lambda _text: None

    def wait_for(self, what: str, look: Callable[[], T | None], *, seconds: float, every: float) -> T | None:
        """Look until there is something to see; None if there was nothing in these seconds."""
        until = self.clock() + seconds
        self.tell(f"waiting for {what}, {seconds / 60:.0f} min at most")
        while (seen := look()) is None and self.clock() < until:
            self.pause(every)
        return seen
