"""The pipeline in memory, and the matrix of faults on it: one of each for all tests, since most share schedules."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from moto import mock_aws

from tests.faults.matrix import Matrix
from tests.faults.pipeline import Pipeline
from tests.statemachine.machine import forget_clients


@contextmanager
def deployed() -> Iterator[Pipeline]:
    """A pipeline on an account in memory."""
    # moto reports every failed execution as an error of its own, with the whole parse tree.
    logging.getLogger("moto.stepfunctions").setLevel(logging.CRITICAL)
    with (
        pytest.MonkeyPatch.context() as patch,
        mock_aws(config={"stepfunctions": {"execute_state_machine": True}}),
    ):
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        yield Pipeline(patch)
    forget_clients()


@pytest.fixture(scope="package")
def matrix() -> Iterator[Matrix]:
    with deployed() as pipeline:
        yield Matrix(pipeline)
