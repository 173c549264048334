"""The stack that most commands about orders are tried on; a module with other needs has one of its own."""

from collections.abc import Iterator

import pytest

from ops.dead_letters import queues
from ops.stack import Stack
from tests.ops.moto_stack import moto_stack, with_topic
from tests.ops.states import States


@pytest.fixture
def states() -> States:
    return States()


@pytest.fixture
def stack(states: States, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    monkeypatch.setattr(queues, "_WAIT", 0)
    with moto_stack(tables=True, queues=True, states=states) as moto:
        yield with_topic(moto)
