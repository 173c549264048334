"""What `orders doctor` expects of AWS is what the templates make of it."""

from collections.abc import Mapping
from typing import Any

import pytest

from ops.doctor.breaking import role_rights
from ops.doctor.looking import alarm_metrics, event_patterns, key_policy, log_delivery
from ops.doctor.looking.resource_policy import is_allowed
from ops.doctor.probe import Probe, Verdict
from tests.infra.as_deployed import AsDeployed
from tests.infra.conftest import Template
from tests.infra.resources import FUNCTIONS, role_id
from tests.ops.doctor.healthy_services import make_policy
from tests.ops.doctor.recorded import ask

PROBES = (
    *key_policy.PROBES,
    *event_patterns.PROBES,
    *log_delivery.PROBES,
    *alarm_metrics.PROBES,
    *role_rights.DEEP_LOOKS,
)


@pytest.mark.parametrize("stage", ["dev", "prod"])
@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.id)
def test_a_stack_as_it_was_deployed_is_in_order(stage: str, probe: Probe, templates: Mapping[str, Template]) -> None:
    deployed = AsDeployed(templates[stage])
    examined = ask(probe, deployed.answers(), stage=stage, **deployed.outputs)
    assert [(one.text, one.remedy) for one in examined.findings if one.verdict is not Verdict.OK] == []


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_each_permission_of_a_function_is_tried(stage: str, templates: Mapping[str, Template]) -> None:
    """A new permission must be named among a function's rights, or its lack would not be found."""
    template = templates[stage]
    deployed = AsDeployed(template)
    (probe,) = role_rights.DEEP_LOOKS
    ask(probe, deployed.answers(), stage=stage, **deployed.outputs)
    untried = [
        (name, single)
        for name in FUNCTIONS
        for single in split_statements(deployed, deployed.resolve({"Ref": role_id(template, name)}))
        if not single["Resource"].endswith("identity/example.com")  # of sender and domain SES asks for the verified one
        and not any(is_allowed(make_policy({**single, "Principal": single["Role"]}), one) for one in deployed.simulated)
    ]
    assert untried == []


def split_statements(deployed: AsDeployed, role: str) -> list[dict[str, Any]]:
    """Give the role's statements with one action and one resource each."""
    return [
        {**statement, "Action": action, "Resource": resource, "Role": {"AWS": role}}
        for statement in deployed.list_statements(role)
        for action in make_list(statement["Action"])
        for resource in make_list(statement["Resource"])
    ]


def make_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
