"""The pipeline in memory, and the matrix of faults on it: one of each for all tests, since most share schedules."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.faults.matrix import Matrix
from tests.faults.pipeline import Pipeline
from tests.statemachine.machine import account_in_memory


@contextmanager
def deployed() -> Iterator[Pipeline]:
    """A pipeline on an account in memory."""
    with account_in_memory() as patch:
        yield Pipeline(patch)


@pytest.fixture(scope="package")
def matrix() -> Iterator[Matrix]:
    with deployed() as pipeline:
        yield Matrix(pipeline)
