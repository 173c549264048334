"""What one order takes of each service, counted while it happens."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bench.figures import Figure
from bench.handlers import ENVIRONMENT
from infra.paths import ROOT
from ops.local_aws import ACCOUNT

SIZES = (1, 3, 10)
STATES, MOST_CALLS = 3, 6
METHOD = (
    "orders from the queue's message to the end of the execution, through the real handlers and the real state "
    "machine on moto's interpreter: states from the execution's history, calls at botocore, write units from the "
    "rows as each call found and left them; then SES's events of the mail through their handler"
)


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What one order of `items` different items took."""

    items: int
    states: list[str]
    calls: list[str]
    write_units: int
    largest_row: int  # bytes, also once SES has told of the mail
    invocations: int
    log_lines: list[str]
    history: list[dict[str, Any]]
    told: "Told"


@dataclass(frozen=True, kw_only=True)
class Told:
    """What SES's events of an order's mail took, after the order was done: each is an invocation with these calls."""

    events: int
    calls: list[str]
    write_units: int
    log_lines: list[str]


def count_usage(*sizes: int) -> list[Usage]:
    """Take an order of each of so many different items through the system, in a process of its own."""
    # Handlers read these when they are imported; without moto's account their ARNs would be somebody else's.
    # Nor may it follow a shell that points at another AWS, as `make up` leaves one.
    ours = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment = {**ours, **ENVIRONMENT, "MOTO_ACCOUNT_ID": ACCOUNT}
    command = [sys.executable, "-m", "bench.probes.order", *map(str, sizes)]
    done = subprocess.run(  # noqa: S603 our own program
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"the order did not go through:\n{done.stderr}")
    return [Usage(**counts | {"told": Told(**counts["told"])}) for counts in json.loads(done.stdout)]


def compare_usages(usages: list[Usage]) -> Iterator[Figure]:
    """Hold each order against the bounds."""
    for usage in usages:
        order = f"order of {usage.items} item{'s' if usage.items > 1 else ''}"
        yield Figure(
            name=f"{order}: states entered",
            value=len(usage.states),
            bound=STATES,
            exact=True,
            note=", ".join(usage.states),
        )
        yield Figure(
            name=f"{order}: AWS calls",
            value=len(usage.calls),
            bound=MOST_CALLS,
            note=", ".join(call.partition(":")[2] for call in usage.calls),
        )
        yield Figure(
            name=f"{order}: write units",
            value=usage.write_units,
            bound=2 * usage.items + 5,
            note=f"order row {usage.largest_row} bytes at most",
        )
        yield Figure(
            name=f"{order}: units of its mail's events",
            value=usage.told.write_units,
            bound=usage.told.events,
            exact=True,
            note="a refused write is paid for as well",
        )
