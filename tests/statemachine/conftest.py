"""The state machine, ready to run."""

import logging
import os
from collections.abc import Iterator

import pytest
from moto import mock_aws

from tests.statemachine.machine import Machine, forget_clients


@pytest.fixture(scope="package")
def deployed_machine() -> Iterator[Machine]:
    # moto reports every failed execution as an error of its own, with the whole parse tree.
    logging.getLogger("moto.stepfunctions").setLevel(logging.CRITICAL)
    with (
        pytest.MonkeyPatch.context() as patch,
        mock_aws(config={"stepfunctions": {"execute_state_machine": True}}),
    ):
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        yield Machine(patch)
    forget_clients()


@pytest.fixture
def machine(deployed_machine: Machine) -> Machine:
    """A machine as if deployed anew: empty tables, no mails."""
    deployed_machine.reset()
    return deployed_machine
