"""Cold starts: what importing a handler costs, against a program that does nothing but make a DynamoDB client."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.figures import Figure
from bench.handlers import ENVIRONMENT, HANDLERS
from bench.layout import ISOLATED, Layout

ROUNDS = 9
MOST_MEMORY = 48  # MiB
STOCK = "import boto3; boto3.client('dynamodb')"
METHOD = (
    f"fresh processes from the unzipped assets and layer, dated 1980 and read-only; median processor time "
    f"of {ROUNDS} ÷ that of stock `{STOCK}`, the two in turn"
)
_PROBE = Path(__file__).parent / "probes" / "cold.py"


@dataclass(frozen=True)
class Sample:
    """One import: its processor time, and the most memory the process had."""

    seconds: float
    memory: float


def measure_cold_starts(layout: Layout) -> Iterator[Figure]:
    """Import every handler, each time after the stock program, so that a slower machine is slower for both."""
    memories = {}
    for handler in HANDLERS:
        statement, directories = f"import {handler.module}", [layout.assets[handler.folder], layout.packages]
        pairs = [
            (_time_import(layout, STOCK, [layout.stock]), _time_import(layout, statement, directories))
            for _ in range(1 + ROUNDS)
        ][1:]  # the first fills the page cache
        stock, ours = (median(sample.seconds for sample in column) for column in zip(*pairs, strict=True))
        memories[handler.folder] = max(sample.memory for _, sample in pairs)
        yield Figure(
            name=f"import of {handler.folder}",
            value=ours / stock,
            unit="×",
            bound=handler.cold_bound,
            note=f"{ours * 1000:.0f} ms; stock {stock * 1000:.0f} ms",
        )
    for folder, memory in memories.items():
        yield Figure(name=f"peak memory of {folder}", value=memory, unit="MiB", bound=MOST_MEMORY)


def _time_import(layout: Layout, statement: str, directories: list[Path]) -> Sample:
    paths = ":".join(map(str, directories))
    command: list[str | Path] = [layout.interpreter, *ISOLATED, _PROBE, paths, statement]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise RuntimeError(f"{statement!r} failed:\n{done.stderr}")
    return Sample(**json.loads(done.stdout.splitlines()[-1]))
