"""The same template in GovCloud and in the China regions, whose ARNs and host names are others."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from infra.paths import DEFINITION
from tests.infra.conftest import Template
from tests.infra.resources import STATE_MACHINE

Place = Mapping[str, str]

US_WEST: Place = {"AWS::Partition": "aws", "AWS::Region": "us-west-2", "AWS::URLSuffix": "amazonaws.com"}
GOV_CLOUD: Place = {"AWS::Partition": "aws-us-gov", "AWS::Region": "us-gov-west-1", "AWS::URLSuffix": "amazonaws.com"}
CHINA: Place = {"AWS::Partition": "aws-cn", "AWS::Region": "cn-north-1", "AWS::URLSuffix": "amazonaws.com.cn"}

everywhere = pytest.mark.parametrize("place", [US_WEST, GOV_CLOUD, CHINA], ids=lambda place: place["AWS::Region"])


def fill_in(value: Any, place: Place) -> Any:
    """Give a template as CloudFormation reads it in a place; a resource is known by its logical id."""
    match value:
        case {"Ref": str(name)}:
            return place.get(name, name)
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"{name}.{attribute}"
        case {"Fn::Join": [str(separator), list(parts)]}:
            return separator.join(str(fill_in(part, place)) for part in parts)
        case dict():
            return {key: fill_in(item, place) for key, item in value.items()}
        case list():
            return [fill_in(item, place) for item in value]
    return value


@everywhere
def test_every_arn_is_of_the_partition_that_is_deployed_to(template: Template, place: Place) -> None:
    text = json.dumps(fill_in(template.body["Resources"], place))
    assert set(re.findall(r"\barn:[^:]*:", text)) == {f"arn:{place['AWS::Partition']}:"}


@everywhere
def test_a_service_of_a_region_is_named_by_the_domain_of_its_partition(template: Template, place: Place) -> None:
    """A principal or a kms:ViaService that does not exist denies what it was to allow, or fails the deployment."""
    text = json.dumps(fill_in(template.body["Resources"], place))
    named = set(re.findall(rf"\b(\w+)\.{place['AWS::Region']}\.(amazonaws[\w.]*)", text))
    assert named == {(service, place["AWS::URLSuffix"]) for service in ("dynamodb", "logs", "sns", "sqs")}


@everywhere
def test_the_machine_calls_lambda_in_its_own_partition(template: Template, place: Place) -> None:
    definition = json.loads(fill_in(template.properties(STATE_MACHINE)["DefinitionString"], place))
    called = {state["Resource"] for state in definition["States"].values() if state["Type"] == "Task"}
    assert called == {f"arn:{place['AWS::Partition']}:states:::lambda:invoke"}


def test_the_file_is_what_runs_in_the_partition_that_it_names(template: Template) -> None:
    """So linters, the console's editor, the tests and a reader see the machine itself."""
    assert fill_in(template.properties(STATE_MACHINE)["DefinitionString"], US_WEST) == DEFINITION.read_text("utf-8")
