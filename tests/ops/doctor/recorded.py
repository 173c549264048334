"""AWS as recorded answers: botocore's own clients, whose every answer is checked against the service's description."""

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field
from functools import cache
from itertools import chain, repeat
from types import SimpleNamespace
from typing import Any, Final

import boto3

from ops.doctor.examination import Examined, ask_probe
from ops.doctor.probe import Probe
from ops.doctor.subject import Subject
from ops.stack import Stack
from tools.insides.calls import find_misfit

ACCOUNT: Final = "123456789012"
REGION: Final = "eu-west-1"


@dataclass(frozen=True)
class Refusal:
    """An error answer of AWS."""

    code: str
    message: str = "as AWS says it"
    status: int = 400


DENIED: Final = Refusal("AccessDeniedException", status=403)
THROTTLED: Final = Refusal("ThrottlingException")

Answer = Mapping[str, Any] | Callable[[Mapping[str, Any]], Mapping[str, Any] | Refusal] | Refusal


def deny_after_first(answer: Mapping[str, Any]) -> Answer:
    """Answer so once, and refuse each later call."""
    answers: Iterator[Mapping[str, Any] | Refusal] = chain([answer], repeat(DENIED))
    return lambda _: next(answers)


@dataclass(frozen=True)
class RecordedAws:
    """An account that answers each operation as was recorded, under names such as lambda.GetAlias.

    An answer may also be a function of the call's parameters. What was not recorded fails the test.
    """

    answers: Mapping[str, Answer]
    calls: list[str] = field(default_factory=list)

    def client(self, service: str) -> Any:
        """Make a client whose calls end here."""
        made = _copy_client(service)
        made.meta.events.register("provide-client-params.*.*", self._remember_parameters)
        made.meta.events.register_first("before-call.*.*", self._answer)
        return made

    def _remember_parameters(self, params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        context["asked"] = params

    def _answer(self, model: Any, context: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]]:
        name = f"{model.service_model.service_name}.{model.name}"
        self.calls.append(name)
        if name not in self.answers:
            raise AssertionError(f"no answer of {name} is recorded")
        recorded = self.answers[name]
        answer = recorded(context["asked"]) if callable(recorded) else recorded
        if isinstance(answer, Refusal):
            error = {"Code": answer.code, "Message": answer.message}
            return SimpleNamespace(status_code=answer.status), {"Error": error, "ResponseMetadata": {}}
        if model.output_shape is None:  # of what AWS answers nothing to
            assert not answer, name
        else:
            misfit = find_misfit(dict(answer), model.output_shape)
            assert misfit is None, f"{name}: {misfit}"
        return SimpleNamespace(status_code=200), {**answer, "ResponseMetadata": {"HTTPStatusCode": 200}}


def _copy_client(service: str) -> Any:
    """Give a client with handlers of its own; making one anew takes longer than most tests."""
    whole = _make_client(service)
    made = object.__new__(type(whole))
    vars(made).update(vars(whole))
    made.meta = copy(whole.meta)
    made.meta.events = copy(made.meta.events)
    return made


@cache
def _make_client(service: str) -> Any:
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)
    return session.client(service)  # type: ignore[call-overload]  # any service


def make_subject(aws: RecordedAws, *, stage: str = "dev", outputs: Mapping[str, str] | None = None) -> Subject:
    """Give a stage's stack in the recorded account."""
    return Subject(Stack(f"order-processing-{stage}", REGION, aws, outputs or {}))


def ask(probe: Probe, answers: Mapping[str, Answer], *, stage: str = "dev", **outputs: str) -> Examined:
    """Ask a probe of an account that answers so."""
    return ask_probe(probe, make_subject(RecordedAws(answers), stage=stage, outputs=outputs))
