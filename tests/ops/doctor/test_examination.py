"""The runner: whatever AWS answers, a probe has a verdict, and the others are asked all the same."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ops.doctor.examination import ask_probe
from ops.doctor.probe import Finding, Probe, Verdict
from ops.doctor.subject import Subject
from ops.shell import stack_options_carried
from tests.ops.doctor.recorded import RecordedAws, Refusal, make_subject


def make_probe(ask: Callable[[Subject], Iterator[Finding]]) -> Probe:
    return Probe(id="A0", group="g", asks="a", ask=ask, actions=("lambda:GetAlias",), page="doctor.md")


def look_at(answer: dict[str, Any]) -> Callable[[Subject], Iterator[Finding]]:
    def ask(_: Subject) -> Iterator[Finding]:
        yield Finding.wrong("the first thing", "fix it")
        yield Finding.ok(answer["a"]["b"].strip())

    return ask


@pytest.mark.parametrize("answer", [{}, {"a": None}, {"a": {"b": 7}}], ids=repr)
def test_half_an_answer_ends_its_probe_and_keeps_what_was_found(answer: dict[str, Any]) -> None:
    examined = ask_probe(make_probe(look_at(answer)), make_subject(RecordedAws({})))
    assert (examined.verdict, [one.verdict for one in examined.findings]) == (
        Verdict.WRONG,
        [Verdict.WRONG, Verdict.CANNOT_SAY],
    )
    assert "AWS answered otherwise" in examined.findings[1].text


@pytest.mark.parametrize(
    "code", ["ResourceNotFoundException", "NoSuchEntity", "AWS.SimpleQueueService.NonExistentQueue"]
)
def test_what_is_gone_is_wrong_and_the_remedy_names_the_account(code: str) -> None:
    def ask(subject: Subject) -> Iterator[Finding]:
        subject.stack.client("lambda").get_alias(FunctionName="f", Name="live")
        yield Finding.ok("never")

    subject = make_subject(RecordedAws({"lambda.GetAlias": Refusal(code)}))
    with stack_options_carried(("--stage", "dev", "--profile", "work")):
        (finding,) = ask_probe(make_probe(ask), subject).findings
    assert finding.verdict is Verdict.WRONG
    assert "`aws --profile work cloudformation detect-stack-drift" in (finding.remedy or "")
