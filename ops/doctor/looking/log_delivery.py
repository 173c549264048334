"""Probes of the logs: whether the workflow's come to their group, and whether AWS takes the saved queries."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from ops.doctor.errors import Absent
from ops.doctor.looking.resource_policy import Request, UnknownCondition, is_allowed
from ops.doctor.probe import Finding, Probe
from ops.doctor.subject import Subject
from ops.orders.logs import UNDER_WAY
from ops.shell import quote_command

if TYPE_CHECKING:
    from mypy_boto3_logs.type_defs import GetQueryResultsResponseTypeDef, QueryDefinitionTypeDef

_GROUP: Final = "The logs"
# Of an account and region: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
_POLICIES: Final = 10
_LOOKED_BACK: Final = timedelta(hours=1)
# Seconds. On an hour of logs a query takes one or two.
_PATIENCE: Final = 15
_PAUSE: Final = 0.5


def examine_log_delivery(subject: Subject) -> Iterator[Finding]:
    """Look at what the state machine logs, and whether the account's policies let it come to its log group.

    Step Functions writes such a policy when the machine is created or changed. It has none to write it into if the
    account has ten already, and without one the log stays empty without an error.
    """
    group = subject.find_resource("AWS::Logs::LogGroup", "WorkflowExecutionLog").physical_id
    arn = subject.make_arn("logs", f"log-group:{group}")
    yield _judge_logging(subject, arn)
    pages = subject.stack.client("logs").get_paginator("describe_resource_policies").paginate()
    policies = [policy["policyDocument"] for page in pages for policy in page.get("resourcePolicies", ())]
    try:
        is_delivered = any(is_allowed(policy, _make_request(subject, arn)) for policy in policies)
    except UnknownCondition as error:
        yield Finding.unclear(f"whether logs may be delivered: {error}", "read `aws logs describe-resource-policies`")
        return
    used = f"{len(policies)} of the account's {_POLICIES} resource policies are used"
    if is_delivered:
        yield Finding.ok(f"logs may be delivered to {group}; {used}")
    else:
        yield Finding.wrong(
            f"no resource policy lets logs be delivered to {group}; {used}", _allow_delivery(subject, arn)
        )


def examine_saved_queries(subject: Subject) -> Iterator[Finding]:
    """Run each saved query over the last hour, all at once: saving one does not parse it."""
    saved = {query.physical_id for query in subject.find_resources("AWS::Logs::QueryDefinition")}
    if not saved:
        raise Absent("the stack has no saved queries, and this version's has some")
    definitions = [one for one in _describe_queries(subject) if one["queryDefinitionId"] in saved]
    if gone := len(saved) - len(definitions):
        yield Finding.wrong(
            f"{gone} of the {len(saved)} saved queries are gone",
            "save them again, as infra/watch/questions.py has them",
        )
    started: dict[str, str] = {}
    for definition in definitions:
        if not (groups := definition.get("logGroupNames")):
            yield Finding.unclear(
                f"the query {definition['name']} names no log group to run it on",
                "run it in Logs Insights, or deploy again: infra/watch/questions.py has its groups",
            )
            continue
        try:
            started[definition["name"]] = _start_query(subject, definition["queryString"], groups)
        except subject.stack.client("logs").exceptions.MalformedQueryException as error:
            why = error.response["Error"]["Message"]
            yield Finding.wrong(
                f"AWS does not take the query {definition['name']}: {why}",
                "correct it in infra/watch/questions.py and deploy again",
            )
    yield from _judge_answers(_await_answers(subject, started))


def _judge_logging(subject: Subject, arn: str) -> Finding:
    machine = subject.stack.client("stepfunctions").describe_state_machine(
        stateMachineArn=subject.stack["StateMachineArn"]
    )
    logging = machine.get("loggingConfiguration", {})
    groups = [one.get("cloudWatchLogsLogGroup", {}).get("logGroupArn") for one in logging.get("destinations", ())]
    again = "deploy again with a change of the workflow; infra/pipeline/workflow.py has what it logs"
    if logging.get("includeExecutionData"):
        return Finding.wrong("the state machine logs the orders' data, with addresses", again)
    if groups != [f"{arn}:*"] or logging.get("level") != "ALL":
        return Finding.wrong("the state machine does not log each transition to its log group", again)
    return Finding.ok("the state machine logs each transition, without the orders' data")


def _make_request(subject: Subject, arn: str) -> Request:
    """What CloudWatch's delivery asks, by "Enabling logging from AWS services"."""
    context = {"aws:SourceAccount": arn.split(":")[4], "aws:SourceArn": subject.make_arn("logs", "delivery")}
    return Request("delivery.logs.amazonaws.com", "logs:PutLogEvents", f"{arn}:log-stream:any", context)


def _allow_delivery(subject: Subject, arn: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "delivery.logs.amazonaws.com"},
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": f"{arn}:log-stream:*",
        "Condition": {"StringEquals": {"aws:SourceAccount": arn.split(":")[4]}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    name = f"{subject.stack.name}-delivery"
    put = quote_command(f"aws logs put-resource-policy --policy-name {name} --policy-document", policy)
    return f"run {put}, after deleting one that nothing needs if there are {_POLICIES}"


def _describe_queries(subject: Subject) -> Iterator["QueryDefinitionTypeDef"]:
    """Give all the account's saved queries; boto3 has no paginator for them."""
    client = subject.stack.client("logs")
    answer = client.describe_query_definitions()
    yield from answer.get("queryDefinitions", ())
    while token := answer.get("nextToken"):
        answer = client.describe_query_definitions(nextToken=token)
        yield from answer.get("queryDefinitions", ())


def _start_query(subject: Subject, query: str, groups: Sequence[str]) -> str:
    now = datetime.now(UTC)
    return subject.stack.client("logs").start_query(
        logGroupNames=groups,
        queryString=query,
        startTime=int((now - _LOOKED_BACK).timestamp()),
        endTime=int(now.timestamp()),
        limit=1,
    )["queryId"]


def _await_answers(subject: Subject, started: Mapping[str, str]) -> dict[str, "GetQueryResultsResponseTypeDef"]:
    """Ask again and again until all have ended, or patience has; gives the last answer to each."""
    client, answers = subject.stack.client("logs"), dict[str, "GetQueryResultsResponseTypeDef"]()
    give_up = time.monotonic() + _PATIENCE
    waiting = dict(started)
    while waiting and time.monotonic() < give_up:
        time.sleep(_PAUSE)
        for name, query in waiting.items():
            answers[name] = client.get_query_results(queryId=query)
        waiting = {name: query for name, query in waiting.items() if answers[name]["status"] in UNDER_WAY}
    return answers


def _judge_answers(answers: Mapping[str, "GetQueryResultsResponseTypeDef"]) -> Iterator[Finding]:
    complete = [answer for answer in answers.values() if answer["status"] == "Complete"]
    for name, answer in answers.items():
        if answer["status"] in UNDER_WAY:
            yield Finding.unclear(f"the query {name} runs for more than {_PATIENCE} seconds", "run it again")
        elif answer["status"] != "Complete":
            yield Finding.wrong(
                f"the query {name} ended as {answer['status']}", "run it in Logs Insights, which says why"
            )
    if complete:
        scanned = sum(answer.get("statistics", {}).get("bytesScanned", 0) for answer in complete)
        yield Finding.ok(
            f"{len(complete)} of {len(answers)} queries answer for the last hour; {scanned / 1e6:.1f} MB scanned"
        )


PROBES: Final = (
    Probe(
        id="A8",
        group=_GROUP,
        asks="the workflow's transitions come to the execution log",
        ask=examine_log_delivery,
        actions=("cloudformation:ListStackResources", "states:DescribeStateMachine", "logs:DescribeResourcePolicies"),
        page="architecture.md#what-can-be-seen",
        not_local="the local AWS delivers no log of a state machine",
    ),
    Probe(
        id="A12",
        group=_GROUP,
        asks="AWS takes each saved query, and answers it",
        ask=examine_saved_queries,
        actions=(
            "cloudformation:ListStackResources",
            "logs:DescribeQueryDefinitions",
            "logs:StartQuery",
            "logs:GetQueryResults",
        ),
        page="architecture.md#what-can-be-seen",
        not_local="the local stack saves no queries",
    ),
)
