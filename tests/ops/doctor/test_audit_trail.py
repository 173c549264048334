"""The probe of the audit trail, against every answer that AWS may give."""

from collections.abc import Mapping
from typing import Any

import pytest

from ops.doctor.examination import Examined
from ops.doctor.looking.audit_trail import PROBES
from ops.doctor.probe import Verdict
from tests.ops.doctor import recorded
from tests.ops.doctor.healthy_services import HEALTHY, KEY, OUTPUTS, make_key_use
from tests.ops.doctor.recorded import DENIED, THROTTLED, Answer

(PROBE,) = PROBES
REFUSED = {"errorCode": "AccessDenied", "errorMessage": "no resource-based policy allows it"}


def ask(events: Answer, stage: str = "dev") -> Examined:
    return recorded.ask(PROBE, {**HEALTHY, "cloudtrail.LookupEvents": events}, stage=stage, **OUTPUTS)


@pytest.mark.parametrize(
    ("events", "verdict", "says"),
    [
        ([], Verdict.OK, "0 uses in 24 hours; CloudTrail is up to 15 minutes late"),
        ([make_key_use(), make_key_use("sns")], Verdict.OK, "no service was refused the key: 2 uses in 24 hours"),
        ([make_key_use("config", **REFUSED)], Verdict.OK, "no service was refused the key: 1 uses"),
        ([make_key_use(errorCode="ThrottlingException")], Verdict.OK, "no service was refused"),
        (
            [make_key_use("sqs", **REFUSED), make_key_use(), make_key_use("sqs", **REFUSED)],
            Verdict.WRONG,
            "sqs was refused kms:Decrypt, 2 times, last at 12:30 UTC: no resource-based policy allows it",
        ),
        *(
            (
                [make_key_use(service, "GenerateDataKey", **REFUSED)],
                Verdict.WRONG,
                f"{service} was refused kms:GenerateDataKey",
            )
            for service in ("sns", "events", "cloudwatch", "logs", "dynamodb")
        ),
        ([make_key_use("logs.eu-west-1", errorCode="AccessDeniedException")], Verdict.WRONG, "logs was refused"),
    ],
)
def test_a_refusal_of_the_key_is_found(events: list[Any], verdict: Verdict, says: str) -> None:
    examined = ask({"Events": events})
    assert examined.verdict is verdict
    (finding,) = examined.findings
    assert says in finding.text
    assert verdict is Verdict.OK or "`orders doctor A6`" in str(finding.remedy)


def test_each_service_and_action_is_a_finding_of_its_own() -> None:
    uses = [make_key_use("sns", **REFUSED), make_key_use("sns", "GenerateDataKey", **REFUSED)]
    assert len(ask({"Events": uses}).findings) == 2


def test_of_a_busy_key_the_newest_events_are_read() -> None:
    """Ten calls of fifty events, and no more: CloudTrail takes two calls a second."""
    calls = []

    def look_up(asked: Mapping[str, Any]) -> Any:
        assert asked["LookupAttributes"] == [{"AttributeKey": "ResourceName", "AttributeValue": KEY}]
        calls.append(asked)
        return {"Events": [make_key_use()] * 50, "NextToken": str(len(calls))}

    (finding,) = ask(look_up).findings
    assert finding.text.startswith("no service was refused the key: the last 500 uses, since 12:30 UTC")
    assert len(calls) == 10


def test_what_may_not_be_asked_is_named() -> None:
    assert ask(DENIED).findings[0].text == "not allowed: cloudtrail:LookupEvents"
    assert ask(THROTTLED).verdict is Verdict.CANNOT_SAY


def test_the_local_aws_records_none() -> None:
    assert ask({"Events": []}, stage="local").verdict is Verdict.NOT_LOCAL
