"""What is deployed: the resources, exactly who may do what, what is watched, and what must never be replaced."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from functions.shared.aws import (
    LONGEST_MAIL_CALL,
    LONGEST_READER_CALL,
    LONGEST_STEP,
    LONGEST_STEP_CALL,
    ONE_TRY,
    QUEUE_READER,
    STEP,
)
from functions.shared.batch import LONGEST_MESSAGE
from infra.paths import DEFINITION
from infra.watch.questions import PUBLISH_TO_MAIL
from tests.functions.clock import BATCH, DELIVERIES, TIMEOUT, VISIBILITY_TIMEOUT
from tests.infra.conftest import Template
from tests.infra.resources import (
    ALARM_TOPIC,
    CODEDEPLOY_ROLE,
    CONFIGURATION_SET,
    EXECUTION_LOG,
    FUNCTIONS,
    INVENTORY,
    KEY,
    MAIL_EVENT_DLQ,
    MAIL_EVENTS,
    ORDER_DLQ,
    ORDER_QUEUE,
    ORDER_TOPIC,
    ORDERS,
    QUEUES,
    RELEASE_DLQ,
    STATE_MACHINE,
    STATE_MACHINE_ALIAS,
    STEPS,
    STOCK_MOVEMENTS,
    TABLES,
    allowed_on,
    function_id,
    grants,
    live_arn,
    live_name,
    log_group_id,
    only,
    plain,
    references,
    role_id,
    rule,
    text,
    texts,
    version_id,
)

HANDLERS = {
    "StartWorkflow": "functions.start_workflow.handler.start_workflow",
    "UpdateOrder": "functions.update_order.handler.update_order",
    "RejectOrder": "functions.update_order.handler.reject_order",
    "ReserveInventory": "functions.reserve_inventory.handler.reserve_inventory",
    "ReleaseInventory": "functions.reserve_inventory.handler.release_inventory",
    "ReleaseAbandoned": "functions.reserve_inventory.handler.release_abandoned",
    "SendEmail": "functions.send_email.handler.send_confirmation",
    "TrackEmail": "functions.track_email.handler.track_email",
}
READERS = {"StartWorkflow": ORDER_QUEUE, "TrackEmail": MAIL_EVENTS}


# --- the contract and what must never be replaced ---------------------------------------------------------------


def test_the_outputs_are_the_contracts(template: Template) -> None:
    assert {name: text(output["Value"]) for name, output in template.body["Outputs"].items()} == {
        "OrderTopicArn": ORDER_TOPIC,
        "OrderQueueUrl": ORDER_QUEUE,
        "OrderDlqUrl": ORDER_DLQ,
        "StateMachineArn": STATE_MACHINE,
        "OrdersTableName": ORDERS,
        "InventoryTableName": INVENTORY,
        "StockMovementsTableName": STOCK_MOVEMENTS,
        "ReleaseDlqUrl": RELEASE_DLQ,
        "MailEventQueueUrl": MAIL_EVENTS,
        "MailEventDlqUrl": MAIL_EVENT_DLQ,
        "SendEmailFunctionArn": live_arn(template, "SendEmail"),
        "SenderEmail": "orders@example.com",
    }


def test_what_holds_data_or_is_known_outside_is_never_replaced(template: Template) -> None:
    stateful = {
        "AWS::DynamoDB::Table": set(TABLES),
        "AWS::SQS::Queue": set(QUEUES),
        "AWS::SNS::Topic": {ORDER_TOPIC, ALARM_TOPIC},
        "AWS::StepFunctions::StateMachine": {STATE_MACHINE},
        "AWS::KMS::Key": {KEY},
    }
    assert {kind: set(template.of_type(kind)) for kind in stateful} == stateful


@pytest.mark.parametrize(
    ("table", "key"),
    [
        (ORDERS, [("order_id", "HASH", "S")]),
        (INVENTORY, [("item_id", "HASH", "S")]),
        (STOCK_MOVEMENTS, [("item_id", "HASH", "S"), ("number", "RANGE", "N")]),
    ],
)
def test_a_tables_key_never_changes(template: Template, table: str, key: list[tuple[str, str, str]]) -> None:
    properties = template.properties(table)
    assert properties["KeySchema"] == [{"AttributeName": name, "KeyType": kind} for name, kind, _ in key]
    assert properties["AttributeDefinitions"] == [{"AttributeName": name, "AttributeType": of} for name, _, of in key]


def physical_names(template: Template) -> dict[str, tuple[str, str]]:
    """(type, name) of every resource that is given a name of its own, by its logical id.

    A name is what identifies a resource and cannot be changed, by the resource's schema. One beside a reference is a
    name within that other resource.
    """
    found = {}
    for logical_id, item in template.body["Resources"].items():
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-west-2", item["Type"]).schema
        fixed = {path.removeprefix("/properties/") for path in schema.get("createOnlyProperties", ())}
        names = {key for key in fixed if key.endswith("Name")} | {
            path.removeprefix("/properties/") for path in schema["primaryIdentifier"]
        } & fixed
        given = {key: value for key, value in item.get("Properties", {}).items() if key in names}
        if given and not references(given) and item["Type"] != "AWS::StepFunctions::StateMachineAlias":
            found[logical_id] = (item["Type"], " ".join(text(value) for value in given.values()))
    return found


@pytest.mark.parametrize(
    ("stage", "topic"),
    [
        ("local", "order-notifications-topic"),
        ("dev", "order-notifications-topic-dev"),
        ("prod", "order-notifications-topic"),
    ],
)
def test_names_are_given_to_what_people_look_for_and_to_nothing_else(
    templates: Mapping[str, Template], stage: str, topic: str
) -> None:
    """A replacement of what has a name fails: of these, no property that will change asks for one."""
    stack = f"order-processing-{stage}"
    on_aws = {("AWS::SES::ConfigurationSet", stack)} if stage != "local" else set()
    sender = {("AWS::SES::EmailIdentity", "orders@example.com")} if stage != "prod" else set()
    named = set(physical_names(templates[stage]).values())
    alarms = {(kind, name) for kind, name in named if kind.endswith("Alarm")}
    assert alarms
    assert all(name.startswith(f"{stack}-") for _, name in alarms)
    assert named - alarms == {
        *sender,
        *on_aws,
        ("AWS::SNS::Topic", topic),
        ("AWS::Logs::LogGroup", f"/aws/vendedlogs/states/{stack}"),
        # An execution's name is taken for 90 days, maybe beyond its machine's end.
        ("AWS::StepFunctions::StateMachine", f"{stack}-<AWS::StackId>.split('/')[2].split('-')[0]"),
        # Unlike the others' names, a dashboard's exists once in all regions of an account.
        ("AWS::CloudWatch::Dashboard", f"{stack}-<AWS::Region>"),
    }


def test_dev_and_prod_live_in_one_account_and_send_from_one_address(templates: Mapping[str, Template]) -> None:
    names = [set(physical_names(templates[stage]).values()) for stage in ("dev", "prod")]
    assert not names[0] & names[1]
    senders = [template.body["Outputs"]["SenderEmail"]["Value"] for template in templates.values()]
    assert set(senders) == {"orders@example.com"}


def kept(template: Template) -> dict[str, set[str]]:
    """The logical ids of what CloudFormation does not delete with the stack, by the policy that says so."""
    found: dict[str, set[str]] = {}
    for logical_id, resource in template.body["Resources"].items():
        policy = resource.get("DeletionPolicy", "Delete")
        if policy != "Delete":
            assert resource["UpdateReplacePolicy"] == "Retain", logical_id
            found.setdefault(policy, set()).add(logical_id)
    return found


def test_prod_keeps_what_holds_data_unless_its_own_creation_is_rolled_back(
    templates: Mapping[str, Template],
) -> None:
    """What a first deploy that failed has made is empty; only a protected table, which nothing can delete, stays."""
    template = templates["prod"]
    policies = kept(template)
    groups = {log_group_id(template, name) for name in FUNCTIONS}
    # Without the key what is kept is gone all the same.
    assert policies["RetainExceptOnCreate"] == {*QUEUES, KEY, *groups}
    assert {*TABLES} <= policies["Retain"]
    assert {template.properties(table)["DeletionProtectionEnabled"] for table in TABLES} == {True}
    assert template.properties(KEY)["PendingWindowInDays"] == 30
    assert template.manifest()["terminationProtection"] is True


@pytest.mark.parametrize("stage", ["local", "dev"])
def test_other_stages_keep_nothing_but_versions_and_the_sender(templates: Mapping[str, Template], stage: str) -> None:
    template = templates[stage]
    policies = kept(template)
    assert policies.pop("RetainExceptOnCreate") == set(template.of_type("AWS::SES::EmailIdentity"))
    kinds = {template.body["Resources"][logical_id]["Type"] for logical_id in policies.get("Retain", ())}
    versions = {*("Lambda::Version", "Lambda::LayerVersion", "StepFunctions::StateMachineVersion")}
    assert kinds == ({f"AWS::{kind}" for kind in versions} if stage == "dev" else set())
    assert {template.properties(table)["DeletionProtectionEnabled"] for table in TABLES} == {False}
    assert template.properties(KEY)["PendingWindowInDays"] == 7
    assert template.manifest()["terminationProtection"] is False


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_the_sender_outlives_the_stage_that_created_it(synthesise: Callable[..., Template], stage: str) -> None:
    """Another stage of the account may send from it: without it every mail of that stage would be refused."""
    template = synthesise(stage, create_sender_identity=True)
    assert set(template.of_type("AWS::SES::EmailIdentity")) <= kept(template)["RetainExceptOnCreate"]
    assert len(template.of_type("AWS::SES::EmailIdentity")) == 1


def test_a_failed_first_deploy_leaves_no_name_taken(template: Template) -> None:
    assert not physical_names(template).keys() & kept(template).get("Retain", set())


def test_nothing_waits_for_itself(template: Template) -> None:
    waits_for = {name: references(resource) for name, resource in template.body["Resources"].items()}
    assert tuple(TopologicalSorter(waits_for).static_order())  # raises CycleError


# --- storage, ingestion, workflow, notifications ------------------------------------------------------------------


@pytest.mark.parametrize("table", TABLES)
def test_tables_are_on_demand_and_can_be_restored_to_any_second(template: Template, table: str) -> None:
    properties = template.properties(table)
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


def test_an_order_reaches_the_queue_as_it_was_published_or_the_dlq(template: Template) -> None:
    subscription = only(
        {
            name: item
            for name, item in template.of_type("AWS::SNS::Subscription").items()
            if item["Properties"]["Protocol"] == "sqs"
        }
    )["Properties"]
    assert text(subscription["TopicArn"]) == ORDER_TOPIC
    assert text(subscription["Endpoint"]) == f"{ORDER_QUEUE}.Arn"
    assert subscription["RawMessageDelivery"] is True
    assert text(subscription["RedrivePolicy"]["deadLetterTargetArn"]) == f"{ORDER_DLQ}.Arn"


@pytest.mark.parametrize("queue", [ORDER_QUEUE, ORDER_DLQ])
def test_only_the_order_topic_sends_to_the_order_queues(template: Template, queue: str) -> None:
    from_topic = json.dumps({"ArnEquals": {"aws:SourceArn": {"Ref": ORDER_TOPIC}}})
    assert allowed_on(template, "AWS::SQS::QueuePolicy", queue) == {
        ("sns.amazonaws.com", "sqs:SendMessage", from_topic)
    }


@pytest.mark.parametrize("queue", [ORDER_DLQ, RELEASE_DLQ, MAIL_EVENT_DLQ])
def test_looking_at_a_dead_letter_moves_it_nowhere_however_often(template: Template, queue: str) -> None:
    assert "RedrivePolicy" not in template.properties(queue)


def test_an_order_is_tried_for_22_minutes_and_then_kept_for_two_weeks(template: Template) -> None:
    queue = template.properties(ORDER_QUEUE)
    assert text(queue["RedrivePolicy"]["deadLetterTargetArn"]) == f"{ORDER_DLQ}.Arn"
    assert tried_for(queue) == 22 * 60
    assert template.properties(ORDER_DLQ)["MessageRetentionPeriod"] == 14 * 24 * 3600
    # A message's age counts on in the DLQ, where one that waited long must not be on the point of deletion.
    assert template.properties(ORDER_QUEUE)["MessageRetentionPeriod"] == 7 * 24 * 3600


def tried_for(queue: Mapping[str, Any]) -> float:
    """Seconds between the first and the last delivery of a message that fails at each."""
    deliveries: int = queue["RedrivePolicy"]["maxReceiveCount"]
    return (deliveries - 1) * float(queue["VisibilityTimeout"])


def mapping_of(template: Template, queue: str) -> dict[str, Any]:
    (mapping,) = [
        item["Properties"]
        for item in template.of_type("AWS::Lambda::EventSourceMapping").values()
        if text(item["Properties"]["EventSourceArn"]) == f"{queue}.Arn"
    ]
    return dict(mapping)


def tries_of(config: Config) -> tuple[int, float]:
    """How often a call is tried, and the most seconds that a try takes."""
    limits: Any = config  # botocore's stubs do not know its options
    return limits.retries["total_max_attempts"], limits.connect_timeout + limits.read_timeout


@pytest.mark.parametrize(("function", "queue"), READERS.items())
def test_a_batch_of_which_no_call_is_answered_is_tried_whole_and_comes_back_soon(
    template: Template, function: str, queue: str
) -> None:
    """A message that is not reached has used a delivery up all the same: without an answer, none may be."""
    batch = mapping_of(template, queue)["BatchSize"]
    timeout = template.properties(function_id(template, function))["Timeout"]
    visibility_timeout = template.properties(queue)["VisibilityTimeout"]
    assert (batch - 1) * LONGEST_READER_CALL + LONGEST_MESSAGE < timeout
    assert timeout < visibility_timeout <= 120, "no second poller sees the batch meanwhile"
    deliveries = template.properties(queue)["RedrivePolicy"]["maxReceiveCount"]
    assert (batch, timeout, visibility_timeout, deliveries) == (BATCH, TIMEOUT, VISIBILITY_TIMEOUT, DELIVERIES)


def test_a_call_of_a_queue_reader_takes_no_longer_than_is_reckoned() -> None:
    """The pause between two tries is at most a second: "Standard retry mode" of the AWS SDKs' reference guide."""
    tries, each = tries_of(QUEUE_READER)
    assert (tries, tries * each + 1) == (2, LONGEST_READER_CALL)


def polling(template: Template, queue: str) -> tuple[str, int]:
    """Who polls the queue, in batches of which each message may fail alone, and in how many batches at once."""
    mapping = mapping_of(template, queue)
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    pollers = {live_name(template, name): name for name in FUNCTIONS}
    return pollers[text(mapping["FunctionName"])], mapping["ScalingConfig"]["MaximumConcurrency"]


@pytest.mark.parametrize(("stage", "concurrency"), [("local", 2), ("dev", 5), ("prod", 10)])
def test_one_bad_order_does_not_hold_up_its_batch(
    templates: Mapping[str, Template], stage: str, concurrency: int
) -> None:
    assert polling(templates[stage], ORDER_QUEUE) == ("StartWorkflow", concurrency)


def test_queues_and_topics_refuse_what_is_not_encrypted_on_its_way(template: Template) -> None:
    denied = {
        target
        for kind, key in (("AWS::SQS::QueuePolicy", "Queues"), ("AWS::SNS::TopicPolicy", "Topics"))
        for policy in template.of_type(kind).values()
        for target in texts(policy["Properties"][key])
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Deny" and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    }
    assert denied == {*QUEUES, ORDER_TOPIC, ALARM_TOPIC}


def test_the_machine_runs_the_definition_with_every_step_filled_in(template: Template) -> None:
    machine = template.properties(STATE_MACHINE)
    assert machine["StateMachineType"] == "STANDARD"
    assert {name: text(arn) for name, arn in machine["DefinitionSubstitutions"].items()} == {
        f"{name}FunctionArn": version_id(template, name)
        if template.stage != "local"
        else f"{function_id(template, name)}.Arn"
        for name in STEPS
    }
    for name in machine["DefinitionSubstitutions"]:
        assert f'"${{{name}}}"' in text(machine["DefinitionString"])
    assert text(machine["DefinitionString"]).count("${") == text(machine["DefinitionString"]).count("FunctionName")


def test_executions_are_logged_without_the_customers_data_and_traced(template: Template) -> None:
    machine = template.properties(STATE_MACHINE)
    assert machine["TracingConfiguration"] == {"Enabled": True}
    logging = machine["LoggingConfiguration"]
    assert (logging["Level"], logging["IncludeExecutionData"]) == ("ALL", False)
    (destination,) = logging["Destinations"]
    assert text(destination["CloudWatchLogsLogGroup"]["LogGroupArn"]) == f"{EXECUTION_LOG}.Arn"


def test_every_way_an_execution_can_be_abandoned_releases_its_stock(template: Template) -> None:
    _, abandoned = rule(template, "WorkflowAbandonedExecutions")
    qualified = [{"prefix": f"{STATE_MACHINE}:"}] if template.stage != "local" else []
    assert abandoned["State"] == "ENABLED"
    assert plain(abandoned["EventPattern"]) == {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {
            "stateMachineArn": [STATE_MACHINE, *qualified],
            "status": ["FAILED", "TIMED_OUT", "ABORTED"],
        },
    }
    (target,) = abandoned["Targets"]
    assert text(target["Arn"]) == live_arn(template, "ReleaseAbandoned")


def test_no_release_is_lost(template: Template) -> None:
    """Neither on the way to the function nor in it: after its retries the event is in the DLQ, for two weeks."""
    rule_id, abandoned = rule(template, "WorkflowAbandonedExecutions")
    (target,) = abandoned["Targets"]
    assert target["RetryPolicy"] == AS_LONG_AS_EVENTBRIDGE_DOES
    assert text(target["DeadLetterConfig"]["Arn"]) == f"{RELEASE_DLQ}.Arn"

    invocations = only(template.of_type("AWS::Lambda::EventInvokeConfig"))["Properties"]
    assert text(invocations["FunctionName"]) == function_id(template, "ReleaseAbandoned")
    assert invocations["Qualifier"] == ("$LATEST" if template.stage == "local" else "live")
    assert invocations["MaximumRetryAttempts"] == 2
    assert invocations["MaximumEventAgeInSeconds"] == 6 * 3600
    assert text(invocations["DestinationConfig"]["OnFailure"]["Destination"]) == f"{RELEASE_DLQ}.Arn"

    assert template.properties(RELEASE_DLQ)["MessageRetentionPeriod"] == 14 * 24 * 3600
    assert allowed_on(template, "AWS::SQS::QueuePolicy", RELEASE_DLQ) == only_the_rule(rule_id)


# --- what becomes of a mail ---------------------------------------------------------------------------------------


def test_ses_tells_eventbridge_of_the_five_ends_of_a_mail(templates: Mapping[str, Template]) -> None:
    assert not templates["local"].of_type("AWS::SES::ConfigurationSet")
    for template in (templates["dev"], templates["prod"]):
        destination = only(template.of_type("AWS::SES::ConfigurationSetEventDestination"))["Properties"]
        assert text(destination["ConfigurationSetName"]) == CONFIGURATION_SET
        told = destination["EventDestination"]
        assert (told["Enabled"], told["MatchingEventTypes"]) == (
            True,
            ["send", "delivery", "bounce", "complaint", "reject"],
        )
        bus = f"arn:<AWS::Partition>:events:{_HERE}:event-bus/default"
        assert plain(told["EventBridgeDestination"]) == {"EventBusArn": bus}


def test_mails_leave_encrypted_and_not_to_who_bounced_or_complained(templates: Mapping[str, Template]) -> None:
    for template in (templates["dev"], templates["prod"]):
        assert template.properties(CONFIGURATION_SET) == {
            "Name": f"order-processing-{template.stage}",
            "DeliveryOptions": {"TlsPolicy": "REQUIRE"},
            "ReputationOptions": {"ReputationMetricsEnabled": True},
            "SuppressionOptions": {"SuppressedReasons": ["BOUNCE", "COMPLAINT"]},
        }


def test_only_this_stacks_mails_are_tracked(templates: Mapping[str, Template]) -> None:
    for template in (templates["dev"], templates["prod"]):
        _, changed = rule(template, "MailTrackingMailChanged")
        assert plain(changed["EventPattern"]) == {
            "source": ["aws.ses"],
            "detail-type": [
                *("Email Sent", "Email Delivered", "Email Bounced", "Email Complaint Received", "Email Rejected")
            ],
            "detail": {"mail": {"tags": {"ses:configuration-set": [CONFIGURATION_SET]}}},
        }


def test_no_mail_event_is_lost_behind_eventbridge(template: Template) -> None:
    """Kept for a week in the queue, tried for 22 minutes, and kept for two weeks more."""
    assert polling(template, MAIL_EVENTS) == ("TrackEmail", {"local": 2, "dev": 2, "prod": 5}[template.stage])
    queue = template.properties(MAIL_EVENTS)
    assert tried_for(queue) == 22 * 60
    assert queue["MessageRetentionPeriod"] == 7 * 24 * 3600
    assert text(queue["RedrivePolicy"]["deadLetterTargetArn"]) == f"{MAIL_EVENT_DLQ}.Arn"
    assert template.properties(MAIL_EVENT_DLQ)["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_only_the_rule_sends_to_the_mail_events_queues(template: Template) -> None:
    allowed = [allowed_on(template, "AWS::SQS::QueuePolicy", queue) for queue in (MAIL_EVENTS, MAIL_EVENT_DLQ)]
    if template.stage == "local":  # whoever tries it sends with an account's own permissions
        assert allowed == [set(), set()]
        return
    rule_id, changed = rule(template, "MailTrackingMailChanged")
    assert allowed == [only_the_rule(rule_id), only_the_rule(rule_id)]
    (target,) = changed["Targets"]
    assert text(target["Arn"]) == f"{MAIL_EVENTS}.Arn"
    assert text(target["DeadLetterConfig"]["Arn"]) == f"{MAIL_EVENT_DLQ}.Arn"
    assert target["RetryPolicy"] == AS_LONG_AS_EVENTBRIDGE_DOES


def only_the_rule(rule_id: str) -> set[tuple[str, str, str]]:
    from_rule = json.dumps({"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": [rule_id, "Arn"]}}})
    return {("events.amazonaws.com", "sqs:SendMessage", from_rule)}


AS_LONG_AS_EVENTBRIDGE_DOES = {"MaximumEventAgeInSeconds": 24 * 3600, "MaximumRetryAttempts": 185}


# --- the functions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_traced_and_logs_to_a_group_of_its_own(template: Template, name: str) -> None:
    function = template.properties(function_id(template, name))
    assert function["Handler"] == HANDLERS[name]
    assert function["Architectures"] == ["arm64"]
    assert (function["Timeout"], function["MemorySize"]) == (TIMEOUT if name in READERS else 58, 256)
    assert function["TracingConfig"] == {"Mode": "Active"}
    retention = {"local": 1, "dev": 14, "prod": 90}
    assert template.properties(log_group_id(template, name))["RetentionInDays"] == retention[template.stage]
    assert len({log_group_id(template, other) for other in FUNCTIONS}) == len(FUNCTIONS)


@pytest.mark.parametrize("name", STEPS)
def test_a_function_has_ended_before_its_task_is_tried_again(template: Template, name: str) -> None:
    definition = json.loads(DEFINITION.read_text("utf-8"))
    waits = {state["TimeoutSeconds"] for state in definition["States"].values() if state["Type"] == "Task"}
    assert LONGEST_STEP < template.properties(function_id(template, name))["Timeout"] < min(waits)


def test_a_call_of_a_step_takes_no_longer_than_is_reckoned() -> None:
    """The pauses are at most 1 and 2 s: "Standard retry mode" of the AWS SDKs' reference guide."""
    tries, each = tries_of(STEP)
    assert (tries, tries * each + 1 + 2) == (3, LONGEST_STEP_CALL)
    assert tries_of(ONE_TRY) == (1, LONGEST_MAIL_CALL)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_on_aws_a_function_runs_python_with_the_layer_and_locally_its_bootstrap(template: Template, name: str) -> None:
    function = template.properties(function_id(template, name))
    local = template.stage == "local"
    assert function["Runtime"] == ("provided.al2023" if local else "python3.13")
    assert texts(function.get("Layers", [])) == list(template.of_type("AWS::Lambda::LayerVersion"))
    assert bool(function.get("Layers")) is not local


def test_each_function_is_told_what_it_works_on_and_no_more(template: Template) -> None:
    told = {
        name: {
            key: text(value)
            for key, value in template.properties(function_id(template, name))["Environment"]["Variables"].items()
        }
        for name in FUNCTIONS
    }
    common = {
        "POWERTOOLS_SERVICE_NAME": f"order-processing-{template.stage}",
        "POWERTOOLS_METRICS_NAMESPACE": "OrderProcessing",
        "POWERTOOLS_LOG_LEVEL": "INFO",
    }
    orders = {"ORDERS_TABLE": ORDERS}
    both = {"ORDERS_TABLE": ORDERS, "INVENTORY_TABLE": INVENTORY}
    on_aws = template.stage != "local"
    alias = {"STATE_MACHINE_ALIAS_ARN": STATE_MACHINE_ALIAS} if on_aws else {}
    configuration_set = {"CONFIGURATION_SET": CONFIGURATION_SET} if on_aws else {}
    assert told == {
        "StartWorkflow": common | {"STATE_MACHINE_ARN": STATE_MACHINE, "ORDER_DLQ_URL": ORDER_DLQ} | alias,
        "UpdateOrder": common | orders,
        "RejectOrder": common | orders,
        "ReserveInventory": common | both,
        "ReleaseInventory": common | both,
        "ReleaseAbandoned": common | both,
        "SendEmail": common | orders | {"SENDER_EMAIL": "orders@example.com"} | configuration_set,
        "TrackEmail": common | orders,
    }


# --- least privilege --------------------------------------------------------------------------------------------

_HERE = "<AWS::Region>:<AWS::AccountId>"
_FROM_OURS = ' if {"StringEquals": {"ses:FromAddress": "orders@example.com"}}'
_IDENTITY = f"arn:<AWS::Partition>:ses:{_HERE}:identity/"


def with_the_key(*actions: str, through: str) -> set[tuple[str, str]]:
    """Only a service may use the key for a function, never the function itself."""
    service = {"Fn::Join": ["", [f"{through}.", {"Ref": "AWS::Region"}, ".", {"Ref": "AWS::URLSuffix"}]]}
    condition = {"StringEquals": {"kms:ViaService": service}}
    return {(f"kms:{action}", f"{KEY}.Arn if {json.dumps(condition)}") for action in actions}


_TABLES = with_the_key("Decrypt", through="dynamodb")
_QUEUES = with_the_key("Decrypt", "GenerateDataKey", through="sqs")

PERMISSIONS: Mapping[str, set[tuple[str, str]]] = {
    "StartWorkflow": {
        ("states:StartExecution", STATE_MACHINE),
        ("states:DescribeExecution", f"arn:<AWS::Partition>:states:{_HERE}:execution:{STATE_MACHINE}.Name:*"),
        ("sqs:SendMessage", f"{ORDER_DLQ}.Arn"),
        ("sqs:ReceiveMessage", f"{ORDER_QUEUE}.Arn"),
        ("sqs:DeleteMessage", f"{ORDER_QUEUE}.Arn"),
        ("sqs:GetQueueAttributes", f"{ORDER_QUEUE}.Arn"),
        *_QUEUES,
    },
    "UpdateOrder": {("dynamodb:UpdateItem", f"{ORDERS}.Arn"), *_TABLES},
    "RejectOrder": {("dynamodb:UpdateItem", f"{ORDERS}.Arn"), *_TABLES},
    "ReserveInventory": {*(("dynamodb:UpdateItem", f"{table}.Arn") for table in (ORDERS, INVENTORY)), *_TABLES},
    "ReleaseInventory": {*(("dynamodb:UpdateItem", f"{table}.Arn") for table in (ORDERS, INVENTORY)), *_TABLES},
    "ReleaseAbandoned": {
        ("dynamodb:UpdateItem", f"{ORDERS}.Arn"),
        ("dynamodb:UpdateItem", f"{INVENTORY}.Arn"),
        ("sqs:SendMessage", f"{RELEASE_DLQ}.Arn"),
        *_TABLES,
        *_QUEUES,
    },
    "TrackEmail": {
        ("dynamodb:UpdateItem", f"{ORDERS}.Arn"),
        ("sqs:ReceiveMessage", f"{MAIL_EVENTS}.Arn"),
        ("sqs:DeleteMessage", f"{MAIL_EVENTS}.Arn"),
        ("sqs:GetQueueAttributes", f"{MAIL_EVENTS}.Arn"),
        *_TABLES,
        *with_the_key("Decrypt", through="sqs"),
    },
}
SENDERS_BY_STAGE = {
    "local": {f"{_IDENTITY}orders@example.com"},
    "dev": {f"{_IDENTITY}*"},  # the sandbox asks for the recipient's identity too
    "prod": {f"{_IDENTITY}orders@example.com", f"{_IDENTITY}example.com"},  # made elsewhere: either may exist
}


def every_function_may(template: Template, name: str) -> set[tuple[str, str]]:
    log_group = f"{log_group_id(template, name)}.Arn"
    return {
        ("xray:PutTraceSegments", "*"),
        ("xray:PutTelemetryRecords", "*"),
        ("logs:CreateLogStream", log_group),
        ("logs:PutLogEvents", log_group),
    }


@pytest.mark.parametrize("name", PERMISSIONS)
def test_a_function_may_do_exactly_this(template: Template, name: str) -> None:
    expected = PERMISSIONS[name] | every_function_may(template, name)
    assert grants(template, role_id(template, name)) == expected


def test_mail_is_sent_from_our_address_only(template: Template) -> None:
    expected = {("ses:SendEmail", arn + _FROM_OURS) for arn in SENDERS_BY_STAGE[template.stage]}
    if template.stage != "local":  # from whom, the identity's condition says; SES asks for both
        expected.add(("ses:SendEmail", f"arn:<AWS::Partition>:ses:{_HERE}:configuration-set/{CONFIGURATION_SET}"))
    expected |= {("dynamodb:UpdateItem", f"{ORDERS}.Arn")} | _TABLES | every_function_may(template, "SendEmail")
    assert grants(template, role_id(template, "SendEmail")) == expected


def test_outside_the_sandbox_an_identity_of_ours_is_enough(synthesise: Callable[..., Template]) -> None:
    template = synthesise("prod", create_sender_identity=True)
    granted = grants(template, role_id(template, "SendEmail"))
    assert {resource for _, resource in granted if "identity/" in resource} == {
        f"{_IDENTITY}orders@example.com{_FROM_OURS}"
    }


def test_no_function_touches_the_stock_movements(template: Template) -> None:
    """They are the operator's own; an order changes stock in its own transaction, which the order's row tells of."""
    for logical_id, resource in template.body["Resources"].items():
        if logical_id != STOCK_MOVEMENTS:
            assert STOCK_MOVEMENTS not in json.dumps(resource), logical_id


def test_the_machine_may_call_its_steps_and_deliver_logs_and_traces(template: Template) -> None:
    role = text(template.properties(STATE_MACHINE)["RoleArn"]).removesuffix(".Arn")
    versions = [""] if template.stage == "local" else ["", ":*"]  # those that executions began with
    # AWS lists these, on *, under "Logging using CloudWatch Logs" and "Trace Step Functions with X-Ray".
    on_everything = {
        *("logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery"),
        *("logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies"),
        *("logs:DescribeLogGroups", "xray:PutTraceSegments", "xray:PutTelemetryRecords"),
        *("xray:GetSamplingRules", "xray:GetSamplingTargets"),
    }
    assert grants(template, role) == {
        ("lambda:InvokeFunction", f"{function_id(template, name)}.Arn{version}")
        for name in STEPS
        for version in versions
    } | {(action, "*") for action in on_everything}


def test_there_is_no_other_way_to_a_permission(template: Template) -> None:
    """One role a function, one for the machine, and in prod CodeDeploy's with AWS's own policy; one invoker besides."""
    machine_role = text(template.properties(STATE_MACHINE)["RoleArn"]).removesuffix(".Arn")
    roles = {role_id(template, name): "lambda.amazonaws.com" for name in FUNCTIONS}
    roles[machine_role] = "states.amazonaws.com"
    if template.stage == "prod":
        roles[CODEDEPLOY_ROLE] = "codedeploy.amazonaws.com"
        assert [text(arn) for arn in template.properties(CODEDEPLOY_ROLE)["ManagedPolicyArns"]] == [
            "arn:<AWS::Partition>:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited"
        ]
    assert set(template.of_type("AWS::IAM::Role")) == set(roles)
    for role, service in roles.items():
        managed = {"ManagedPolicyArns"} if role == CODEDEPLOY_ROLE else set()
        assert set(template.properties(role)) == {"AssumeRolePolicyDocument"} | managed
        (trust,) = template.properties(role)["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": service}
    kinds = {item["Type"] for item in template.body["Resources"].values()}
    assert {kind for kind in kinds if kind.startswith("AWS::IAM::")} == {"AWS::IAM::Role", "AWS::IAM::Policy"}

    invoker = only(template.of_type("AWS::Lambda::Permission"))["Properties"]
    assert text(invoker["FunctionName"]) == live_arn(template, "ReleaseAbandoned")
    assert invoker["Principal"] == "events.amazonaws.com"
    assert text(invoker["SourceArn"]) == f"{rule(template, 'WorkflowAbandonedExecutions')[0]}.Arn"


# --- one key, and who may publish -----------------------------------------------------------------------------


def test_everything_that_holds_or_tells_of_orders_is_encrypted_with_the_one_key(template: Template) -> None:
    keys: dict[str, Callable[[Any], Any]] = {
        "AWS::SNS::Topic": lambda properties: properties["KmsMasterKeyId"],
        "AWS::SQS::Queue": lambda properties: properties["KmsMasterKeyId"],
        "AWS::DynamoDB::Table": lambda properties: properties["SSESpecification"]["KMSMasterKeyId"],
        "AWS::Logs::LogGroup": lambda properties: properties["KmsKeyId"],
    }
    found = {
        kind: {name: of(template.properties(name)) for name in template.of_type(kind)} for kind, of in keys.items()
    }
    assert {text(key) for kind in found.values() for key in kind.values()} == {f"{KEY}.Arn"}
    assert {kind: len(names) for kind, names in found.items()} == {
        "AWS::SNS::Topic": 2,
        "AWS::SQS::Queue": len(QUEUES),
        "AWS::DynamoDB::Table": len(TABLES),
        "AWS::Logs::LogGroup": len(FUNCTIONS) + 1,
    }
    assert template.properties(KEY)["EnableKeyRotation"] is True


def test_a_queue_outlives_an_hour_without_kms(template: Template) -> None:
    for queue in QUEUES:
        assert template.properties(queue)["KmsDataKeyReusePeriodSeconds"] == 3600


SEND = {"kms:Decrypt", "kms:GenerateDataKey"}
OURS = {"StringEquals": {"aws:SourceAccount": "<AWS::AccountId>"}}


def key_policy(template: Template) -> dict[str, tuple[Any, set[str], Any]]:
    """What the key's policy allows, by its statements' names: to whom, what, under which condition."""
    statements = template.properties(KEY)["KeyPolicy"]["Statement"]
    assert {(statement["Effect"], statement["Resource"]) for statement in statements} == {("Allow", "*")}
    return {
        statement.get("Sid", ""): (
            plain(statement["Principal"]),
            set(texts(statement["Action"])),
            plain(statement.get("Condition")),
        )
        for statement in statements
    }


def test_the_keys_policy_names_each_service_and_for_whom_it_acts(template: Template) -> None:
    stack = f"order-processing-{template.stage}"
    topic = f"arn:<AWS::Partition>:sns:{_HERE}:{template.properties(ORDER_TOPIC)['TopicName']}"
    logs = f"arn:<AWS::Partition>:logs:{_HERE}:log-group:"
    rules = f"arn:<AWS::Partition>:events:{_HERE}:rule/{stack}-*"
    alarms = f"arn:<AWS::Partition>:cloudwatch:{_HERE}:alarm:{stack}-*"
    assert key_policy(template) == {
        # Without it nobody could change or delete the key: the account's IAM decides who may.
        "": ({"AWS": "arn:<AWS::Partition>:iam::<AWS::AccountId>:root"}, {"kms:*"}, None),
        "AllowTopicToReachQueues": (
            {"Service": "sns.amazonaws.com"},
            SEND,
            OURS | {"ArnEquals": {"aws:SourceArn": [topic]}},
        ),
        "AllowPublishingAccounts": (
            {"AWS": "*"},
            SEND,
            {
                "StringEquals": {
                    "kms:ViaService": "sns.<AWS::Region>.<AWS::URLSuffix>",
                    "kms:EncryptionContext:aws:sns:topicArn": topic,
                    "kms:CallerAccount": ["<AWS::AccountId>"],
                }
            },
        ),
        "AllowAlarms": ({"Service": "cloudwatch.amazonaws.com"}, SEND, OURS | {"ArnLike": {"aws:SourceArn": [alarms]}}),
        # SQS's page promises this of EventBridge and no more. Were another condition not met, mail events and what the
        # DLQ is for would be lost silently; the ARN names the account too.
        "AllowEvents": ({"Service": "events.amazonaws.com"}, SEND, {"ArnLike": {"aws:SourceArn": [rules]}}),
        "AllowLogs": (
            {"Service": "logs.<AWS::Region>.<AWS::URLSuffix>"},
            {"kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"},
            {
                "ArnLike": {
                    "kms:EncryptionContext:aws:logs:arn": [
                        f"{logs}{stack}-*",
                        f"{logs}/aws/vendedlogs/states/{stack}",
                    ]
                }
            },
        ),
    }


def test_what_the_keys_policy_names_by_the_stacks_name_is_named_after_the_stack(template: Template) -> None:
    """CloudFormation begins a name it makes with the stack's: true of what has no name of its own."""
    stack = f"order-processing-{template.stage}"
    for kind, name in (
        ("AWS::Events::Rule", "Name"),
        ("AWS::CloudWatch::Alarm", "AlarmName"),
        ("AWS::CloudWatch::CompositeAlarm", "AlarmName"),
        ("AWS::Logs::LogGroup", "LogGroupName"),
    ):
        given = {item["Properties"].get(name) for item in template.of_type(kind).values()} - {None}
        assert all(name.startswith((f"{stack}-", f"/aws/vendedlogs/states/{stack}")) for name in given)


def who_may_publish(template: Template) -> dict[str, tuple[str, Any, Any]]:
    (policy,) = [
        item["Properties"]["PolicyDocument"]["Statement"]
        for item in template.of_type("AWS::SNS::TopicPolicy").values()
        if texts(item["Properties"]["Topics"]) == [ORDER_TOPIC]
    ]
    assert {(statement["Action"], text(statement["Resource"])) for statement in policy} == {
        ("sns:Publish", ORDER_TOPIC)
    }
    return {
        statement["Sid"]: (statement["Effect"], plain(statement["Principal"]), plain(statement.get("Condition")))
        for statement in policy
    }


_TLS_ONLY = ("Deny", "*", {"Bool": {"aws:SecureTransport": "false"}})


def test_this_account_alone_publishes_unless_others_are_named(template: Template) -> None:
    assert who_may_publish(template) == {
        "AllowPublishThroughSSLOnly": _TLS_ONLY,
        "AllowPublishers": ("Allow", {"AWS": "arn:<AWS::Partition>:iam::<AWS::AccountId>:root"}, None),
        "DenyOthers": (
            "Deny",
            {"AWS": "*"},
            {"StringNotEquals": {"aws:PrincipalAccount": ["<AWS::AccountId>"]}},
        ),
    }


def test_only_the_publishers_named_publish_and_the_key_serves_them(synthesise: Callable[..., Template]) -> None:
    role = "arn:aws:iam::222222222222:role/shop/checkout"
    template = synthesise("prod", publishers=f"111111111111,{role}")
    assert who_may_publish(template) == {
        "AllowPublishThroughSSLOnly": _TLS_ONLY,
        "AllowPublishers": ("Allow", {"AWS": [role, "arn:<AWS::Partition>:iam::111111111111:root"]}, None),
        # Neither of the account nor the role: conditions of one statement must all hold.
        "DenyOthers": (
            "Deny",
            {"AWS": "*"},
            {
                "StringNotEquals": {"aws:PrincipalAccount": ["111111111111"]},
                "ArnNotEquals": {"aws:PrincipalArn": [role]},
            },
        ),
    }
    policy = key_policy(template)
    of_accounts, of_roles = policy["AllowPublishingAccounts"], policy["AllowPublishingRoles"]
    assert (of_accounts[0], of_roles[0]) == ({"AWS": "*"}, {"AWS": role})
    assert of_accounts[2]["StringEquals"].pop("kms:CallerAccount") == ["111111111111"]
    assert of_accounts[1:] == of_roles[1:]


def test_with_roles_alone_no_account_as_a_whole_publishes(synthesise: Callable[..., Template]) -> None:
    role = "arn:aws:iam::222222222222:role/checkout"
    template = synthesise("dev", publishers=role)
    assert who_may_publish(template)["AllowPublishers"][1] == {"AWS": role}
    assert who_may_publish(template)["DenyOthers"][2] == {"ArnNotEquals": {"aws:PrincipalArn": [role]}}
    assert "AllowPublishingAccounts" not in key_policy(template)


# --- what is watched ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("stage", "subscribed"), [("dev", []), ("prod", ["oncall@example.com"])])
def test_alarm_email_subscribes(templates: Mapping[str, Template], stage: str, subscribed: list[str]) -> None:
    subscriptions = [item["Properties"] for item in templates[stage].of_type("AWS::SNS::Subscription").values()]
    of_alarms = [item["Endpoint"] for item in subscriptions if text(item["TopicArn"]) == ALARM_TOPIC]
    assert of_alarms == subscribed


def test_the_dashboard_reads_from_left_to_right(template: Template) -> None:
    body = only(template.of_type("AWS::CloudWatch::Dashboard"))["Properties"]["DashboardBody"]
    widgets = json.loads(text(body))["widgets"]
    row = min(item["y"] for item in widgets if item["properties"].get("title", "").startswith("1"))
    flow = sorted((item for item in widgets if item["y"] == row), key=lambda item: item["x"])
    assert [item["properties"]["title"].split(" · ")[1] for item in flow] == [
        *("Orders in", "Waiting", "Running", "Settled", "Retries", "Mails")
    ]
    metrics = [{metric[1] for metric in item["properties"]["metrics"]} for item in flow]
    assert metrics == [
        {"NumberOfMessagesPublished", "OrdersAccepted", "OrdersDuplicate", "OrdersRefused"},
        {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage", "OrdersLeft"},
        {"ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsAborted"},
        {"OrdersConfirmed", "OrdersRejected", "OrdersFailed"},
        {"StepsRetried", "ApproximateNumberOfMessagesVisible"},
        {
            *("MailsSent", "MailsRefused", "MailsUnknown", "MailsDelivered", "MailsBounced", "MailsComplained"),
            *("MailEventsLeft", "ApproximateNumberOfMessagesVisible"),
        },
    ]
    own = [metric for item in flow for metric in item["properties"]["metrics"] if metric[0] == "OrderProcessing"]
    assert {tuple(metric[2:4]) for metric in own} == {("service", f"order-processing-{template.stage}")}


def test_the_dashboard_shows_how_long_it_takes_from_publishing_to_the_mail(template: Template) -> None:
    widgets = json.loads(text(only(template.of_type("AWS::CloudWatch::Dashboard"))["Properties"]["DashboardBody"]))
    (asked,) = [item["properties"] for item in widgets["widgets"] if item["type"] == "log"]
    assert asked["title"] == "From publish to mail"
    groups = [log_group_id(template, name) for name in ("StartWorkflow", "SendEmail")]
    sources = "".join(f"SOURCE '{group}' | " for group in groups)
    assert asked["query"] == sources + PUBLISH_TO_MAIL
    shown = {
        (metric[1], metric[-1]["stat"])
        for item in widgets["widgets"]
        for metric in item["properties"].get("metrics", ())
        if metric[1].startswith("SecondsTo")
    }
    assert shown == {(name, p) for name in ("SecondsToStart", "SecondsToMail") for p in ("p50", "p99")}


# --- CloudFormation's own rules ---------------------------------------------------------------------------------


def test_cfn_lint_has_nothing_to_say(templates: Mapping[str, Template]) -> None:
    # W3005: beside each role's policy, which a function must wait for, the CDK lists the role, which it need not.
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--ignore-checks", "W3005", "--"]
    done = subprocess.run(  # noqa: S603 the environment's own cfn-lint, on files made here
        [*command, *(str(template.path) for template in templates.values())],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr
