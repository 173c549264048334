"""Warm starts: what a handler takes beyond the AWS calls it exists for."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.figures import Figure
from bench.handlers import ENVIRONMENT, HANDLERS, OrderHandler, make_event, make_order
from bench.layout import ISOLATED, Layout

BOUND = 0.2
METHOD = (
    "400 warm invocations against a local stub: the median time beyond the handler's own AWS calls ÷ that of one "
    "boto3 UpdateItem, in turn"
)
_HERE = Path(__file__).parent


def measure_warm_invocations(layout: Layout) -> Iterator[Figure]:
    """Invoke every handler of the happy path with the order of three items."""
    with _run_stub() as endpoint:
        for handler in HANDLERS:
            measured = _run_probe(layout, handler, endpoint)
            yield Figure(
                name=f"{handler.folder} beyond its calls",
                value=measured["own"] / measured["update_item"],
                unit="×",
                bound=BOUND,
                note=f"{measured['own'] * 1e6:.0f} µs; one UpdateItem {measured['update_item'] * 1e6:.0f} µs",
            )


def _run_probe(layout: Layout, handler: OrderHandler, endpoint: str) -> dict[str, float]:
    directories = f"{layout.assets[handler.folder]}:{layout.packages}"
    arguments = [directories, handler.module, handler.name, json.dumps(make_event(handler, make_order(3)))]
    command: list[str | Path] = [layout.interpreter, *ISOLATED, _HERE / "probes" / "warm.py", *arguments]
    environment = {**ENVIRONMENT, "AWS_ENDPOINT_URL": endpoint}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise RuntimeError(f"{handler.name} failed:\n{done.stderr}")
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


@contextmanager
def _run_stub() -> Iterator[str]:
    """Give the endpoint of a stub that runs for as long as the block does."""
    command = [sys.executable, str(_HERE / "stub.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603
        try:
            port = next(server.stdout or iter(())).strip()
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
