"""The state machine, ready to run."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.statemachine.machine import Machine, account_in_memory


@pytest.fixture(scope="package")
def deployed_machine() -> Iterator[Machine]:
    with account_in_memory() as patch, ExitStack() as stack:
        yield Machine(patch, stack)


@pytest.fixture
def machine(deployed_machine: Machine) -> Machine:
    """A machine as if deployed anew: empty tables, no mails."""
    deployed_machine.reset()
    return deployed_machine
