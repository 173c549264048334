"""An account in moto's memory for every test, a wire that can be cut, and what the functions print."""

import json
import logging
import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from moto import mock_aws

from functions.shared import aws
from functions.shared.observability import logger, metrics
from ops.local_aws import REGION
from tests.clients import forget_clients, forget_stores
from tests.conftest import NAMESPACE, SERVICE
from tests.functions.cloud import INVENTORY, ORDERS, SENDER, Cloud
from tests.functions.wire import Wire
from tools.insides.calls import without_pauses


class Output:
    """What a function has printed: log lines and metrics, both JSON, one a line."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._text = ""

    @property
    def text(self) -> str:
        self._text += self._capsys.readouterr().out
        return self._text

    @property
    def logs(self) -> list[dict[str, Any]]:
        return [line for line in self._lines() if "_aws" not in line]

    @property
    def counted(self) -> dict[str, float]:
        """What CloudWatch will count, summed by the metric's name; of the errors that are answers, see `answered`."""
        counted = defaultdict[str, float](float)
        for name, value in self._metrics("Count"):
            counted[name] += value
        counted.pop("StepsAnswered", None)
        return dict(counted)

    @property
    def answered(self) -> float:
        """How often a step has raised what is no fault: the tests of each step say what it raised."""
        return sum(value for name, value in self._metrics("Count") if name == "StepsAnswered")

    @property
    def seconds(self) -> list[tuple[str, float]]:
        """The times that CloudWatch will be told."""
        return list(self._metrics("Seconds"))

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """The metrics' lines."""
        return [line for line in self._lines() if "_aws" in line]

    def _metrics(self, unit: str) -> Iterator[tuple[str, float]]:
        for emf in self.metrics:
            for directive in emf["_aws"]["CloudWatchMetrics"]:
                assert (directive["Namespace"], directive["Dimensions"]) == (NAMESPACE, [["service"]])
                assert emf["service"] == SERVICE
                for metric in directive["Metrics"]:
                    assert metric["Unit"] in ("Count", "Seconds")
                    if metric["Unit"] == unit:
                        yield metric["Name"], sum(emf[metric["Name"]])

    def _lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


class _Stdout:
    """What `sys.stdout` is when a line is written: pytest changes it between a test's parts."""

    def write(self, text: str) -> int:
        return sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()


@pytest.fixture(autouse=True)
def output(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Output]:
    for handler in logging.getLogger(logger.name).handlers:
        monkeypatch.setattr(handler, "stream", _Stdout())
    yield Output(capsys)
    metrics.clear_metrics()


@pytest.fixture(scope="package")
def account() -> Iterator[tuple[Wire, Cloud]]:
    """One account and one wire to it for all tests: a client takes longer to make than most tests to run."""
    wire = Wire()
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        patch.setattr(botocore.session, "get_session", wire.session)
        _forget_session()
        yield wire, Cloud()
        _forget_session()


@pytest.fixture
def wire(account: tuple[Wire, Cloud]) -> Iterator[Wire]:
    """The functions' connection to AWS; botocore's pauses between tries are skipped."""
    wire, _ = account
    wire.reset()
    with without_pauses():
        yield wire
    if wire.faulty:
        forget_clients()  # a client remembers its failures, and tries less often then


@pytest.fixture
def cloud(account: tuple[Wire, Cloud], wire: Wire, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """The account, empty; `wire` belongs to it."""
    monkeypatch.setenv("ORDERS_TABLE", ORDERS)
    monkeypatch.setenv("INVENTORY_TABLE", INVENTORY)
    monkeypatch.setenv("SENDER_EMAIL", SENDER)
    monkeypatch.delenv("CONFIGURATION_SET", raising=False)
    forget_stores()
    _, cloud = account
    cloud.empty()
    wire.requests.clear()
    return cloud


def _forget_session() -> None:
    forget_clients()
    aws._make_session.cache_clear()
