"""The functions, connected to an account in memory."""

import warnings
from collections.abc import Iterator

import pytest

from tests.schedules.cloud import Account, connected


@pytest.fixture(scope="package")
def account() -> Iterator[Account]:
    with connected() as account:
        yield account


@pytest.fixture(autouse=True)
def _as_the_functions_filter() -> None:
    # pytest makes an error of what functions/shared/observability.py tells Python to ignore.
    warnings.filterwarnings("ignore", "No application metrics to publish")
