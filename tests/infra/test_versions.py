"""What runs is numbered and kept, and a new version comes into use a little at a time where that matters."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest

from infra.pipeline.workflow import CANARY_MINUTES
from tests.infra.alarms import alarms
from tests.infra.conftest import Template
from tests.infra.resources import (
    FUNCTIONS,
    STATE_MACHINE,
    STATE_MACHINE_ALIAS,
    STEPS,
    function_id,
    live_id,
    only,
    plain,
    text,
    version_id,
)

KEPT = ("Retain", "Retain")
BY_EVENTS = {
    "StartWorkflow": {"FunctionsFailing", "OldestOrderWaits"},
    "ReleaseAbandoned": {"FunctionsFailing", "ReleaseDlqNotEmpty"},
    "TrackEmail": {"FunctionsFailing", "MailEventDlqNotEmpty"},
}


@pytest.fixture(params=["dev", "prod"])
def deployed(request: pytest.FixtureRequest, templates: Mapping[str, Template]) -> Template:
    """A rule that asks for this holds on AWS."""
    return templates[request.param]


def policies(template: Template, logical_id: str) -> tuple[str, str]:
    resource = template.body["Resources"][logical_id]
    return resource["DeletionPolicy"], resource["UpdateReplacePolicy"]


def substitutions(template: Template) -> dict[str, str]:
    return {name: text(arn) for name, arn in template.properties(STATE_MACHINE)["DefinitionSubstitutions"].items()}


def created_before(template: Template, alarm_names: Iterable[Any]) -> set[str]:
    """The ids of these alarms. Each must be a reference: CloudFormation knows no order between it and a plain name."""
    every = alarms(template)
    names = [template.properties(name["Ref"])["AlarmName"] for name in alarm_names]
    return {alarm_id for alarm_id, properties in every.items() if properties["AlarmName"] in names}


def test_locally_what_was_deployed_last_runs(templates: Mapping[str, Template]) -> None:
    kinds = {item["Type"] for item in templates["local"].body["Resources"].values()}
    assert not {kind for kind in kinds if kind.endswith(("Version", "Alias"))}
    assert not {kind for kind in kinds if kind.startswith("AWS::CodeDeploy::")}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_is_called_by_the_version_now_in_use(deployed: Template, name: str) -> None:
    alias = deployed.properties(live_id(deployed, name))
    assert alias["Name"] == "live"
    assert text(alias["FunctionVersion"]) == f"{version_id(deployed, name)}.Version"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_version_is_kept_for_the_executions_that_began_with_it(deployed: Template, name: str) -> None:
    assert policies(deployed, version_id(deployed, name)) == KEPT


def test_what_versions_import_is_kept_as_long(deployed: Template) -> None:
    (layer,) = deployed.of_type("AWS::Lambda::LayerVersion")
    assert policies(deployed, layer) == KEPT


def test_an_execution_calls_versions_and_not_what_is_deployed_meanwhile(deployed: Template) -> None:
    assert substitutions(deployed) == {f"{name}FunctionArn": version_id(deployed, name) for name in STEPS}


def test_a_function_that_changes_is_a_new_version_and_with_it_the_definition_changes(
    deployed: Template, synthesise: Callable[..., Template]
) -> None:
    """Only that one: what a running execution calls stays, and what did not change is not deployed."""
    changed = synthesise(deployed.stage, sender_email="others@example.com")
    before, after = substitutions(deployed), substitutions(changed)
    assert {name for name in before if before[name] != after[name]} == {"SendEmailFunctionArn"}
    versions = {name: (version_id(deployed, name), version_id(changed, name)) for name in FUNCTIONS}
    assert {name for name, (old, new) in versions.items() if old != new} == {"SendEmail"}


def test_each_revision_of_the_machine_is_a_version_that_is_kept(deployed: Template) -> None:
    versions = deployed.of_type("AWS::StepFunctions::StateMachineVersion")
    assert plain(only(versions)["Properties"]) == {
        "StateMachineArn": STATE_MACHINE,
        # It changes with every update of the machine, and a change of it is a new version.
        "StateMachineRevisionId": f"{STATE_MACHINE}.StateMachineRevisionId",
    }
    assert policies(deployed, next(iter(versions))) == KEPT


def shift(template: Template) -> dict[str, Any]:
    alias = only(template.of_type("AWS::StepFunctions::StateMachineAlias"))["Properties"]
    (version,) = template.of_type("AWS::StepFunctions::StateMachineVersion")
    preference: dict[str, Any] = alias["DeploymentPreference"]
    assert (alias["Name"], text(preference["StateMachineVersionArn"])) == ("live", version)
    return {key: value for key, value in preference.items() if key != "StateMachineVersionArn"}


def test_in_dev_all_orders_take_the_new_workflow_at_once(templates: Mapping[str, Template]) -> None:
    assert shift(templates["dev"]) == {"Type": "ALL_AT_ONCE"}
    assert not templates["dev"].of_type("AWS::CodeDeploy::DeploymentGroup")


def test_in_prod_a_tenth_of_the_orders_does_until_no_alarm_has_rung(templates: Mapping[str, Template]) -> None:
    template = templates["prod"]
    told = shift(template)
    assert created_before(template, told.pop("Alarms")) == {"ExecutionsFailed", "ExecutionsTimedOut", "StepsFailing"}
    assert told == {"Type": "CANARY", "Percentage": 10, "Interval": CANARY_MINUTES}


def test_the_shift_outlasts_what_its_alarms_look_at(templates: Mapping[str, Template]) -> None:
    """Else the last tenth would come into use before a fault can have been seen."""
    every = alarms(templates["prod"])
    steps = every["StepsFailing"]
    (period,) = {item["MetricStat"]["Period"] for item in steps["Metrics"] if "MetricStat" in item}
    failed = every["ExecutionsFailed"]
    longest = max(steps["EvaluationPeriods"] * period, failed["EvaluationPeriods"] * failed["Period"])
    assert longest < CANARY_MINUTES * 60


@pytest.mark.parametrize("name", BY_EVENTS)
def test_in_prod_a_function_that_events_call_is_shifted_and_taken_back(
    templates: Mapping[str, Template], name: str
) -> None:
    template = templates["prod"]
    alias = template.body["Resources"][live_id(template, name)]
    update = plain(alias["UpdatePolicy"])["CodeDeployLambdaAliasUpdate"]
    group = template.properties(update["DeploymentGroupName"])
    assert text(group["ApplicationName"]) == update["ApplicationName"]
    assert group["DeploymentConfigName"] == "CodeDeployDefault.LambdaCanary10Percent5Minutes"
    assert {"DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"} == set(group["AutoRollbackConfiguration"]["Events"])
    assert group["AlarmConfiguration"]["Enabled"] is True
    watching = [alarm["Name"] for alarm in group["AlarmConfiguration"]["Alarms"]]
    assert created_before(template, watching) == BY_EVENTS[name]


def test_only_what_events_call_is_shifted_by_codedeploy(templates: Mapping[str, Template]) -> None:
    """A step comes into use with a version of the machine; its own alias, which a person calls, moves at once."""
    template = templates["prod"]
    shifted = {
        logical_id
        for logical_id, resource in template.of_type("AWS::Lambda::Alias").items()
        if "UpdatePolicy" in resource
    }
    assert shifted == {live_id(template, name) for name in BY_EVENTS}


def test_all_at_once_no_alarm_can_refuse_the_revert(
    templates: Mapping[str, Template], synthesise: Callable[..., Template]
) -> None:
    """After a rollback by hand a shift would start from the last template's version, which is the bad one."""
    gradual, at_once = templates["prod"], synthesise("prod", shift=False)
    assert shift(at_once) == {"Type": "ALL_AT_ONCE"}
    kinds = {resource["Type"] for resource in at_once.body["Resources"].values()}
    assert not {kind for kind in kinds if kind.startswith("AWS::CodeDeploy::")}
    aliases = at_once.of_type("AWS::Lambda::Alias")
    assert not [logical_id for logical_id, alias in aliases.items() if "UpdatePolicy" in alias]
    assert substitutions(at_once) == substitutions(gradual), "the same versions"
    stays = gradual.body["Resources"].keys() & at_once.body["Resources"].keys()
    differ = {key for key in stays if gradual.body["Resources"][key] != at_once.body["Resources"][key]}
    assert differ == {*(live_id(gradual, name) for name in BY_EVENTS), STATE_MACHINE_ALIAS}
    assert all(at_once.body["Resources"][key]["Type"].endswith("Alias") for key in differ)


def test_a_throw_away_dev_can_shift_as_prod_does(
    templates: Mapping[str, Template], synthesise: Callable[..., Template]
) -> None:
    dev, prod = synthesise("dev", shift=True), templates["prod"]
    assert {key for key, value in shift(dev).items()} == {key for key, value in shift(prod).items()}
    assert len(dev.of_type("AWS::CodeDeploy::DeploymentGroup")) == len(BY_EVENTS)


# --- a deployment that was rolled back, deployed again --------------------------------------------------------------


class Account:
    """Lambda's and CloudFormation's part, in small: which versions a deploy publishes, and what its rollback leaves.

    Lambda publishes nothing that equals the function's last version ("PublishVersion"), which CloudFormation reports as
    "Version already exists" and fails. A rollback keeps what is marked Retain, outside the stack.
    """

    def __init__(self) -> None:
        self._stack: set[str] = set()
        self._versions: dict[str, list[Any]] = {name: [] for name in FUNCTIONS}

    def deploy(self, template: Template, *, alarm_fires: bool = False) -> set[str]:
        """The functions whose version already exists; with one, or when an alarm fires, all is rolled back."""
        refused, published = set(), set()
        for name, versions in self._versions.items():
            content = template.properties(function_id(template, name))
            if version_id(template, name) in self._stack:
                continue
            if versions and versions[-1] == content:
                refused.add(name)
            else:
                versions.append(content)
                published.add(name)
        if refused or alarm_fires:
            for name in published:
                if template.body["Resources"][version_id(template, name)]["DeletionPolicy"] != "Retain":
                    self._versions[name].pop()
        else:
            self._stack = {version_id(template, name) for name in FUNCTIONS}
        return refused


def test_what_was_rolled_back_is_deployed_again_with_a_release(
    deployed: Template, synthesise: Callable[..., Template]
) -> None:
    def build(release: str | None = None, sender: str = "others@example.com") -> Template:
        return synthesise(deployed.stage, sender_email=sender, release=release)

    account = Account()
    changed = build()
    assert not account.deploy(deployed)
    assert not account.deploy(changed, alarm_fires=True)
    assert account.deploy(build()) == {"SendEmail"}, "what the rolled-back deployment published is still there"
    assert not account.deploy(build(release="2"), alarm_fires=True)
    assert account.deploy(build(release="2")) == set(FUNCTIONS), "a text works once"
    assert not account.deploy(build(release="3"))
    assert not account.deploy(build()), "and afterwards none is needed"
    assert not account.deploy(build(sender="third@example.com"))


def test_a_release_is_another_description_and_version_of_every_function(
    deployed: Template, synthesise: Callable[..., Template]
) -> None:
    released = synthesise(deployed.stage, release="2026-11-25 #2")
    for name in FUNCTIONS:
        before = deployed.properties(function_id(deployed, name))
        after = released.properties(function_id(released, name))
        assert after == before | {"Description": "release 2026-11-25 #2"}
        assert version_id(released, name) != version_id(deployed, name)
