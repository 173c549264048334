"""The probes of what is deployed, against every answer that AWS may give."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ops.doctor.deployed_versions import PROBES
from ops.doctor.probe import Verdict
from tests.ops.doctor.recorded import DENIED, THROTTLED, Answer, ask

BY_ID = {probe.id: probe for probe in PROBES}
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def stack(status: str = "UPDATE_COMPLETE", **more: Any) -> dict[str, Any]:
    return {"Stacks": [{"StackName": "order-processing-dev", "CreationTime": NOW, "StackStatus": status, **more}]}


NOTHING_YET: Answer = {"StackResourceSummaries": []}


@pytest.mark.parametrize(
    ("stage", "described", "verdict"),
    [
        ("dev", stack(), Verdict.OK),
        ("dev", stack("UPDATE_ROLLBACK_FAILED"), Verdict.WRONG),
        ("prod", stack(EnableTerminationProtection=True), Verdict.OK),
        ("prod", stack(), Verdict.WRONG),
        ("dev", DENIED, Verdict.CANNOT_SAY),
        ("dev", THROTTLED, Verdict.CANNOT_SAY),
    ],
)
def test_the_stacks_status_is_judged(stage: str, described: Answer, verdict: Verdict) -> None:
    answers = {"cloudformation.DescribeStacks": described, "cloudformation.ListStackResources": NOTHING_YET}
    assert ask(BY_ID["A1"], answers, stage=stage).verdict is verdict


def test_the_permission_that_lacks_is_named() -> None:
    (finding,) = ask(BY_ID["A1"], {"cloudformation.DescribeStacks": DENIED}).findings
    assert finding.text == "not allowed: cloudformation:DescribeStacks"
