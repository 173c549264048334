"""The state machine, ready to run."""

import logging
import os
from collections.abc import Iterator

import pytest
from moto import mock_aws

# Lambda names the region, and the functions make their first client when they are imported.
os.environ.setdefault("AWS_DEFAULT_REGION", "us-west-2")

from machine import REGION, Machine, forget_clients


@pytest.fixture(scope="module")
def deployed_machine() -> Iterator[Machine]:
    # moto reports every failed execution as an error of its own, with the whole parse tree.
    logging.getLogger("moto.stepfunctions").setLevel(logging.CRITICAL)
    with (
        pytest.MonkeyPatch.context() as patch,
        mock_aws(config={"stepfunctions": {"execute_state_machine": True}}),
    ):
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        yield Machine(patch)
    forget_clients()


@pytest.fixture
def machine(deployed_machine: Machine) -> Machine:
    """A machine as if deployed anew: empty tables, no mails."""
    deployed_machine.reset()
    return deployed_machine
