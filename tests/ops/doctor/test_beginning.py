"""Probes that begin with something: all begin before the first is asked, and an error ends its own probe alone."""

from collections.abc import Iterator

from botocore.exceptions import ClientError

from ops.doctor.errors import NotBegun
from ops.doctor.examination import examine_stack
from ops.doctor.probe import Finding, Probe, Verdict
from ops.doctor.subject import Subject
from tests.ops.doctor.recorded import RecordedAws, make_subject


def make_probe(name: str, log: list[str], error: Exception | None = None, not_local: str | None = None) -> Probe:
    def begin(_subject: Subject) -> None:
        log.append(f"{name} begins")
        if error:
            raise error

    def ask(_subject: Subject) -> Iterator[Finding]:
        log.append(f"{name} is asked")
        yield Finding.ok("well")

    return Probe(
        name, "group", "asks", ask, ("cloudwatch:SetAlarmState",), "README.md", not_local=not_local, begin=begin
    )


def test_all_begin_before_the_first_is_asked() -> None:
    log: list[str] = []
    probes = [make_probe("one", log), make_probe("two", log)]
    verdicts = [one.verdict for one in examine_stack(probes, make_subject(RecordedAws({})), lambda _text: None)]
    assert verdicts == [Verdict.OK, Verdict.OK]
    assert log == ["one begins", "two begins", "one is asked", "two is asked"]


def test_one_that_cannot_begin_is_not_asked_and_says_why() -> None:
    log: list[str] = []
    denied = ClientError({"Error": {"Code": "AccessDenied"}}, "SetAlarmState")
    probes = [make_probe("one", log, denied), make_probe("two", log, NotBegun("no stock")), make_probe("three", log)]
    examined = list(examine_stack(probes, make_subject(RecordedAws({})), lambda _text: None))
    assert [(one.verdict, one.findings[0].text) for one in examined] == [
        (Verdict.CANNOT_SAY, "not allowed: cloudwatch:SetAlarmState"),
        (Verdict.CANNOT_SAY, "no stock"),
        (Verdict.OK, "well"),
    ]
    assert log[3:] == ["three is asked"]


def test_what_the_local_aws_lacks_does_not_begin_there() -> None:
    log: list[str] = []
    subject = make_subject(RecordedAws({}), stage="local")
    (one,) = examine_stack([make_probe("one", log, not_local="no alarms")], subject, lambda _text: None)
    assert (one.verdict, log) == (Verdict.NOT_LOCAL, [])
