"""An account in moto's memory for every test, a wire that can be cut, and what the functions print."""

import json
import logging
import os
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import botocore.session
import pytest
from moto import mock_aws

from functions.reserve_inventory.store import inventory
from functions.send_email.mailer import mailer
from functions.send_email.store import mails
from functions.shared import aws
from functions.shared.observability import logger, metrics
from functions.start_workflow.workflow import dead_letters, workflow
from functions.update_order.store import orders
from tests.functions.cloud import INVENTORY, ORDERS, REGION, SENDER, Cloud
from tests.functions.wire import Wire

SERVICE = "order-processing-test"
NAMESPACE = "OrderProcessing"


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
        """What CloudWatch will count, summed by the metric's name."""
        counted: Counter[str] = Counter()
        for emf in (line for line in self._lines() if "_aws" in line):
            for directive in emf["_aws"]["CloudWatchMetrics"]:
                assert (directive["Namespace"], directive["Dimensions"]) == (NAMESPACE, [["service"]])
                assert emf["service"] == SERVICE
                for metric in directive["Metrics"]:
                    assert metric["Unit"] == "Count"
                    counted[metric["Name"]] += sum(emf[metric["Name"]])
        return dict(counted)

    def _lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture(autouse=True)
def output(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Output]:
    stdout = SimpleNamespace(write=lambda text: sys.stdout.write(text), flush=lambda: None)  # the one of the moment
    for handler in logging.getLogger(logger.name).handlers:
        monkeypatch.setattr(handler, "stream", stdout)
    monkeypatch.setattr(metrics.provider, "namespace", NAMESPACE)
    monkeypatch.setattr(metrics.provider, "service", SERVICE)
    # pytest has put its own filters over the one that the functions set.
    warnings.filterwarnings("ignore", "No application metrics to publish")
    yield Output(capsys)
    metrics.clear_metrics()


@pytest.fixture(scope="package")
def wired() -> Iterator[Wire]:
    """One wire for all tests, since making a client anew takes longer than most of them."""
    wire = Wire()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "get_session", wire.session)
        _forget()
        yield wire
        _forget()


@pytest.fixture
def wire(wired: Wire, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """The functions' connection to AWS; botocore's pauses between tries are skipped."""
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _seconds: None))
    wired.reset()
    yield wired
    if wired.faulty:
        aws.client.cache_clear()  # a client remembers its failures, and tries less often then
    wired.reset()


@pytest.fixture
def cloud(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:  # noqa: ARG001 - clients are made through it
    for name, value in {
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "ORDERS_TABLE": ORDERS,
        "INVENTORY_TABLE": INVENTORY,
        "SENDER_EMAIL": SENDER,
    }.items():
        monkeypatch.setenv(name, value)
    for store in (orders, inventory, mails, mailer, workflow, dead_letters):
        store.cache_clear()
    with mock_aws():
        yield Cloud()


def _forget() -> None:
    aws.client.cache_clear()
    aws._session.cache_clear()
