"""Tools of every chapter of the story: print, publish, and wait until a condition is true."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from local.aws import ROOT
from local.demo.checks import Checks
from local.demo.display import execution_table
from local.pipeline import Pipeline
from ops.orders.execution import Attempt

T = TypeVar("T")

_POLL_SECONDS = 0.1


class WaitedInVainError(Exception):
    """Something that had to happen did not; the message names it."""


@dataclass(frozen=True)
class Stage:
    """The deployed pipeline, the console and the checks."""

    pipeline: Pipeline
    console: Console
    checks: Checks
    folder: Path = ROOT / ".local"  # where it leaves what a file shows better
    patience: float = 60.0  # seconds: far beyond what any step takes, and an end to waiting all the same

    def chapter(self, title: str) -> None:
        """Head a part of the story."""
        self.checks.chapter = title
        self.console.print()
        self.console.rule(f"[bold]{escape(title)}", align="left", characters="─")

    def say(self, text: str) -> None:
        """Tell what happens."""
        self.show(Padding(Text(text), (0, 0, 0, 2), expand=False))

    def show(self, picture: RenderableType) -> None:
        """Show a table or the like; in a file without the spaces that fill its lines up."""
        if self.console.is_terminal:
            self.console.print(picture)
            return
        with self.console.capture() as captured:
            self.console.print(picture)
        for line in captured.get().splitlines():
            self.console.print(line.rstrip(), markup=False, soft_wrap=True)

    def publish(self, order: Mapping[str, Any]) -> None:
        """Publish an order through SNS."""
        lines = ", ".join(f"{item['quantity']} × {item['item_id']}" for item in order["items"])
        self.say(f"published: order {order['order_id']} for {order['customer_email']}: {lines}")
        self.pipeline.publish(order)

    def wait_for(self, what: str, look: Callable[[], T | None]) -> T:
        """Look again and again until there is something to see, and return it.

        Raises:
            WaitedInVainError: There was nothing until the patience was at its end.
        """
        deadline = time.monotonic() + self.patience
        with self.console.status(f"waiting for {escape(what)}"):
            while time.monotonic() < deadline:
                seen = look()
                if seen is not None:
                    return seen
                time.sleep(_POLL_SECONDS)
        raise WaitedInVainError(f"waited {self.patience:.0f} s in vain for {what}")

    def settled(self, look: Callable[[], T], wanted: T) -> T:
        """Return what is there once it is as wanted, or at the end of the patience whatever it is then."""
        try:
            return self.wait_for("what follows", lambda: wanted if look() == wanted else None)
        except WaitedInVainError:
            return look()

    def ended(self, order_id: str, *, attempt: int = 1) -> Attempt:
        """Wait until this attempt at an order has ended; show its states."""

        def look() -> Attempt | None:
            found = [run for run in self.pipeline.attempts(order_id) if run.number == attempt]
            return found[0] if found and not found[0].is_running else None

        execution = self.wait_for(f"the workflow of order {order_id}", look)
        self.say(f"execution {execution.name}: {execution.status} after {execution.seconds:.1f} s")
        self.show(execution_table(execution))
        return execution
