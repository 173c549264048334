"""Tries a probe with a failure at each of its calls: whatever fails, nothing stays broken in silence."""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, Final, cast

from ops.doctor.examination import Examined, ask_probe
from ops.doctor.probe import Probe
from ops.doctor.subject import Subject
from ops.stack import Stack
from tests.ops.doctor.recorded import DENIED, REGION, Answer, RecordedAws, Refusal

_FEW: Final = 10  # calls of an operation; where there are more, a probe waits
_PREFIXES: Final = {"stepfunctions": "states", "sesv2": "ses"}
# IAM's names of operations that are called otherwise; a transaction of ours puts, updates or deletes.
_ACTIONS: Final[Mapping[str, Set[str]]] = {
    "lambda:Invoke": {"lambda:InvokeFunction"},
    "sqs:ChangeMessageVisibilityBatch": {"sqs:ChangeMessageVisibility"},
    "sqs:DeleteMessageBatch": {"sqs:DeleteMessage"},
    "dynamodb:TransactWriteItems": {"dynamodb:PutItem", "dynamodb:UpdateItem"},
}


def actions_of(calls: Iterable[str]) -> set[str]:
    """Give the IAM actions that these calls need."""
    asked = {
        f"{_PREFIXES.get(service, service)}:{operation}" for service, operation in (call.split(".") for call in calls)
    }
    return {needed for action in asked for needed in _ACTIONS.get(action, {action})}


@dataclass
class Trial:
    """Runs of a probe in each of which one call fails; the clients are made once."""

    outputs: Mapping[str, str]
    stage: str = "dev"
    aws: RecordedAws = field(default_factory=lambda: RecordedAws({}))
    clients: dict[str, Any] = field(default_factory=dict)

    def run(self, probe: Probe, answers: Mapping[str, Answer], fault: "Fault | None" = None) -> Examined | None:
        """Ask it of an account that answers so; None came of it if Ctrl-C ended it. `calls` are those of this run."""
        calls = self.aws.calls
        calls.clear()
        recorded = cast(dict[str, Answer], self.aws.answers)
        recorded.clear()
        recorded |= {name: fault.put_into(answer, calls) if fault else answer for name, answer in answers.items()}
        stack = Stack(f"order-processing-{self.stage}", REGION, self.aws, self.outputs, self.clients)
        try:
            return ask_probe(probe, Subject(stack))
        except KeyboardInterrupt:
            return None

    @property
    def calls(self) -> list[str]:
        """The calls of the last run."""
        return self.aws.calls


@dataclass(frozen=True)
class Fault:
    """A call by its number that is refused or, with Ctrl-C, ends the process; `ever`: so do all that follow it."""

    number: int
    ever: bool
    stopped: bool

    def put_into(self, answer: Answer, calls: list[str]) -> Callable[[Mapping[str, Any]], Any]:
        """Give the answer, unless it is the one that fails."""

        def give(asked: Mapping[str, Any]) -> Mapping[str, Any] | Refusal:
            number = len(calls) - 1
            if number == self.number or (self.ever and number > self.number and calls[-1] == calls[self.number]):
                if self.stopped:
                    raise KeyboardInterrupt
                return DENIED
            return answer(asked) if callable(answer) else answer

        return give


def faults_of(calls: Sequence[str]) -> list[Fault]:
    """Give every fault there can be in these calls; of many alike, which only wait, the first, middle and last."""
    alike: dict[str, list[int]] = {}
    for number, call in enumerate(calls):
        alike.setdefault(call, []).append(number)
    few = [found if len(found) <= _FEW else [*found[:2], found[len(found) // 2], found[-1]] for found in alike.values()]
    kinds = itertools.product(itertools.chain(*few), (False, True), (False, True))
    return [Fault(number, ever, stopped) for number, ever, stopped in kinds]
