"""What a probe says it needs is what it calls, so that the policy that is made of it suffices, and allows no more."""

from collections.abc import Mapping

import pytest

from ops.doctor.catalogue import BEFORE, LOOKS
from ops.doctor.examination import ask_probe
from ops.doctor.permissions import make_policy
from ops.doctor.probe import Probe, Verdict
from tests.ops.doctor import (
    healthy_alarm_notices,
    healthy_deployed_versions,
    healthy_first_deploy,
    healthy_mail_sending,
    healthy_protection,
    healthy_quotas,
    healthy_services,
    healthy_stack,
)
from tests.ops.doctor.cut_off import actions_of
from tests.ops.doctor.recorded import Answer, RecordedAws, make_subject

_BY_STACK = (healthy_deployed_versions, healthy_mail_sending, healthy_quotas, healthy_alarm_notices, healthy_protection)
_STACKS: Mapping[str, tuple[Mapping[str, Answer], Mapping[str, str]]] = {
    **dict.fromkeys(("P1", "P2", "P3", "P4"), (healthy_first_deploy.HEALTHY, healthy_stack.OUTPUTS)),
    **dict.fromkeys(
        ("A1", "A2", "A3", "A4", "A5", "A9", "A10"),
        ({name: answer for one in _BY_STACK for name, answer in one.HEALTHY.items()}, healthy_stack.OUTPUTS),
    ),
    **dict.fromkeys(("A6", "A7", "A8", "A11", "A12", "A13"), (healthy_services.HEALTHY, healthy_services.OUTPUTS)),
}


@pytest.mark.parametrize("probe", [*BEFORE, *LOOKS], ids=lambda probe: probe.id)
def test_a_probes_actions_are_those_of_its_calls(probe: Probe) -> None:
    answers, outputs = _STACKS[probe.id]
    called = set[str]()
    for stage in ("dev", "prod"):
        aws = RecordedAws(answers)
        examined = ask_probe(probe, make_subject(aws, stage=stage, outputs=outputs))
        assert stage != "dev" or examined.verdict is Verdict.OK, examined
        called |= actions_of(aws.calls)
    assert called == set(probe.actions)


def test_looking_is_allowed_by_actions_that_change_nothing() -> None:
    (statement,) = make_policy((*BEFORE, *LOOKS))["Statement"]
    reading = ("Describe", "Get", "List", "Lookup", "Test", "StartQuery")
    assert [action for action in statement["Action"] if not action.partition(":")[2].startswith(reading)] == []
