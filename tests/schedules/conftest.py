"""The functions, connected to an account in memory."""

from collections.abc import Iterator

import pytest

from tests.schedules.cloud import Account, connected


@pytest.fixture(scope="package")
def account() -> Iterator[Account]:
    with connected() as account:
        yield account
