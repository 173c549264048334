"""What a deploy would take away is found in the templates: what is deployed, and what would be."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.infra.conftest import Template
from tools.deploy.fixed_properties import find_fixed_properties
from tools.deploy.losses import Fate, find_losses

Synthesise = Callable[..., Template]


def lost(deployed: Mapping[str, Any], planned: Mapping[str, Any]) -> dict[str, Fate]:
    return {loss.what: loss.fate for loss in find_losses(deployed, planned, find_fixed_properties)}


def lost_resources(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Fate]:
    return lost({"Resources": before}, {"Resources": after})


# --- the stack itself -----------------------------------------------------------------------------------------------


def test_the_same_again_takes_nothing_away(template: Template) -> None:
    assert lost(template.body, template.body) == {}


def test_a_setting_that_was_not_given_again_is_named(synthesise: Synthesise, templates: Mapping[str, Template]) -> None:
    role = "arn:aws:iam::222222222222:role/checkout"
    deployed = synthesise("prod", publishers=f"111111111111,{role}")
    assert lost(deployed.body, synthesise("prod", alarm_email=None).body) == {
        "subscription of oncall@example.com": Fate.REMOVED,
        "publisher 111111111111": Fate.REFUSED,
        f"publisher {role}": Fate.REFUSED,
    }
    assert lost(templates["prod"].body, deployed.body) == {"publisher the account of the stack": Fate.REFUSED}


def test_a_role_may_still_publish_where_its_account_may(synthesise: Synthesise) -> None:
    role = "arn:aws:iam::222222222222:role/checkout"
    deployed, planned = (synthesise("dev", publishers=who).body for who in (role, "222222222222"))
    assert lost(deployed, planned) == {}
    assert lost(planned, deployed) == {"publisher 222222222222": Fate.REFUSED}


def test_new_versions_of_all_functions_take_nothing_away(
    synthesise: Synthesise, templates: Mapping[str, Template]
) -> None:
    deployed = templates["dev"]
    released = synthesise("dev", release="2")
    versions = [template.of_type("AWS::Lambda::Version").keys() for template in (deployed, released)]
    assert versions[0] != versions[1]
    assert lost(deployed.body, released.body) == {}


def test_the_senders_identity_stays_on_aws(synthesise: Synthesise, templates: Mapping[str, Template]) -> None:
    deployed = templates["dev"]
    (identity,) = deployed.of_type("AWS::SES::EmailIdentity")
    name = f"{identity} (AWS::SES::EmailIdentity)"
    without = synthesise("dev", create_sender_identity=False)
    assert lost(deployed.body, without.body) == {name: Fate.FORGOTTEN}
    other = synthesise("dev", sender_email="others@example.com")
    assert lost(deployed.body, other.body) == {name: Fate.SUCCEEDED}


def test_a_table_with_another_name_is_a_new_one_in_every_stage(templates: Mapping[str, Template]) -> None:
    for stage, fate in (("dev", Fate.REPLACED), ("prod", Fate.SUCCEEDED)):
        resources = templates[stage].body["Resources"]
        (orders,) = (name for name in resources if name.startswith("StorageOrders"))
        table = resources[orders]
        renamed = {**table, "Properties": {**table["Properties"], "TableName": "orders"}}
        found = lost_resources(resources, {**resources, orders: renamed})
        assert found[f"{orders} ({table['Type']})"] is fate


# --- the rules ------------------------------------------------------------------------------------------------------

QUEUE: dict[str, Any] = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "orders", "VisibilityTimeout": 30}}


def test_what_is_gone_is_deleted_unless_it_is_kept() -> None:
    for policy in ("Retain", "RetainExceptOnCreate"):
        assert lost_resources({"Q": {**QUEUE, "DeletionPolicy": policy}}, {}) == {"Q (AWS::SQS::Queue)": Fate.FORGOTTEN}
    assert lost_resources({"Q": {**QUEUE, "DeletionPolicy": "Delete"}}, {}) == {"Q (AWS::SQS::Queue)": Fate.REMOVED}
    assert lost_resources({"Q": QUEUE}, {}) == {"Q (AWS::SQS::Queue)": Fate.REMOVED}


@pytest.mark.parametrize(
    ("properties", "fate"),
    [
        ({"QueueName": "orders", "VisibilityTimeout": 60}, None),
        ({"QueueName": "others", "VisibilityTimeout": 30}, Fate.REPLACED),
        ({"VisibilityTimeout": 30}, Fate.REPLACED),
    ],
)
def test_what_can_only_be_had_anew_is_replaced(properties: dict[str, Any], fate: Fate | None) -> None:
    found = lost_resources({"Q": QUEUE}, {"Q": {**QUEUE, "Properties": properties}})
    assert found == ({} if fate is None else {"Q (AWS::SQS::Queue)": fate})


def test_another_type_under_the_same_name_is_a_replacement() -> None:
    assert lost_resources({"X": QUEUE}, {"X": {"Type": "AWS::SNS::Topic"}}) == {"X (AWS::SQS::Queue)": Fate.REPLACED}


def test_what_refers_to_a_replaced_resource_may_be_replaced_too() -> None:
    subscription = {
        "Type": "AWS::SNS::Subscription",
        "Properties": {"TopicArn": {"Ref": "T"}, "Protocol": "sqs", "Endpoint": {"Fn::GetAtt": ["Q", "Arn"]}},
    }
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "one"}}
    before = {"T": topic, "Q": QUEUE, "S": subscription}
    after = {**before, "T": {**topic, "Properties": {"TopicName": "two"}}}
    assert lost_resources(before, after) == {
        "T (AWS::SNS::Topic)": Fate.REPLACED,
        "S (AWS::SNS::Subscription)": Fate.PERHAPS_REPLACED,
    }


def test_a_property_that_is_fixed_only_sometimes_may_replace() -> None:
    table = {"Type": "AWS::DynamoDB::Table", "Properties": {"KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}]}}
    changed = {**table, "Properties": {"KeySchema": [{"AttributeName": "b", "KeyType": "HASH"}]}}
    assert lost_resources({"T": table}, {"T": changed}) == {"T (AWS::DynamoDB::Table)": Fate.PERHAPS_REPLACED}


def test_a_type_without_a_schema_is_compared_by_its_name_alone() -> None:
    custom = {"Type": "Custom::Thing", "Properties": {"A": 1}}
    assert lost_resources({"C": custom}, {"C": {**custom, "Properties": {"A": 2}}}) == {}
    assert lost_resources({"C": custom}, {}) == {"C (Custom::Thing)": Fate.REMOVED}


def test_a_resource_is_named_by_its_place_in_the_app() -> None:
    metadata = {"aws:cdk:path": "order-processing-dev/Ingestion/OrderQueue/Resource"}
    assert lost_resources({"Q1F": {**QUEUE, "Metadata": metadata}}, {}) == {
        "Ingestion/OrderQueue (AWS::SQS::Queue)": Fate.REMOVED
    }
