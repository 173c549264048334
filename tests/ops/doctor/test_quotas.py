"""The probe of the account's quota, against every answer that AWS may give."""

import pytest

from ops.doctor.looking.quotas import PROBES
from ops.doctor.probe import Verdict
from tests.ops.doctor.healthy_quotas import HEALTHY, grant_concurrency
from tests.ops.doctor.recorded import DENIED, THROTTLED, Answer, ask

(A5,) = PROBES


@pytest.mark.parametrize(
    ("stage", "answer", "verdict"),
    [
        ("prod", HEALTHY["lambda.GetAccountSettings"], Verdict.OK),
        ("prod", grant_concurrency(99), Verdict.WRONG),
        ("prod", grant_concurrency(100), Verdict.OK),
        ("dev", grant_concurrency(10), Verdict.OK),  # a new account's: enough to try it
        ("dev", grant_concurrency(1), Verdict.OK),
        ("dev", grant_concurrency(0), Verdict.WRONG),
        ("dev", DENIED, Verdict.CANNOT_SAY),
        ("dev", THROTTLED, Verdict.CANNOT_SAY),
    ],
)
def test_what_other_functions_have_not_reserved_must_suffice(stage: str, answer: Answer, verdict: Verdict) -> None:
    assert ask(A5, {"lambda.GetAccountSettings": answer}, stage=stage).verdict is verdict


def test_the_figure_and_the_way_to_raise_it_are_named() -> None:
    (finding,) = ask(A5, {"lambda.GetAccountSettings": grant_concurrency(10)}, stage="prod").findings
    assert "up to 10 functions" in finding.text
    assert "request-service-quota-increase" in (finding.remedy or "")
