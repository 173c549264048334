"""What `orders doctor` looks for is what a deploy makes: its probes find resources by type and logical id."""

from collections.abc import Mapping

import pytest

from ops.doctor.looking import first_deploy
from tests.infra.conftest import Template
from tests.ops.doctor import healthy_stack

NAMED_ALONE = (  # the probes expect one of each
    ("AWS::CloudWatch::CompositeAlarm", ""),
    ("AWS::IAM::Role", "NotificationsSendEmailRole"),
    ("AWS::KMS::Key", ""),
    ("AWS::SES::ConfigurationSet", ""),
    ("AWS::SNS::Subscription", "IngestionOrderQueue"),
    ("AWS::SNS::Topic", "MonitoringAlarmTopic"),
    ("AWS::StepFunctions::StateMachineAlias", ""),
    ("AWS::StepFunctions::StateMachineVersion", ""),
)


@pytest.mark.parametrize("stage", ["dev", "prod"])
@pytest.mark.parametrize(("kind", "beginning"), NAMED_ALONE)
def test_each_that_a_probe_asks_for_alone_is_there_once(
    templates: Mapping[str, Template], stage: str, kind: str, beginning: str
) -> None:
    found = [name for name in templates[stage].of_type(kind) if name.startswith(beginning)]
    assert len(found) == 1


def test_the_recorded_stack_has_no_resource_of_a_kind_that_is_not_deployed(templates: Mapping[str, Template]) -> None:
    kinds = {found["ResourceType"] for found in healthy_stack.RESOURCES}
    assert kinds <= {item["Type"] for item in templates["dev"].body["Resources"].values()}


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_every_function_that_has_an_alias_has_one_version(templates: Mapping[str, Template], stage: str) -> None:
    """By the function's name each alias is compared with the version that the stack deployed."""
    of_versions, of_aliases = (
        sorted(item["Properties"]["FunctionName"]["Ref"] for item in templates[stage].of_type(kind).values())
        for kind in ("AWS::Lambda::Version", "AWS::Lambda::Alias")
    )
    assert of_versions == of_aliases
    assert len(set(of_versions)) == len(of_versions)


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_the_bootstrap_is_asked_for_as_the_deploy_does(templates: Mapping[str, Template], stage: str) -> None:
    manifest = templates[stage].manifest()
    assert manifest["bootstrapStackVersionSsmParameter"] == first_deploy.BOOTSTRAP
    assert manifest["requiresBootstrapStackVersion"] == first_deploy.BOOTSTRAP_NEEDED
