"""The probes of what is deployed, against every answer that AWS may give."""

from collections.abc import Mapping
from typing import Any

import pytest

from ops.doctor.looking.deployed_versions import PROBES
from ops.doctor.probe import Verdict
from tests.ops.doctor.healthy_deployed_versions import HEALTHY, describe_stack, list_versions, route_executions
from tests.ops.doctor.healthy_stack import function_arn, function_name, list_resources, resource
from tests.ops.doctor.recorded import DENIED, THROTTLED, Answer, ask, deny_after_first

BY_ID = {probe.id: probe for probe in PROBES}


@pytest.mark.parametrize("id_", BY_ID)
@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_a_healthy_stack_is_ok(id_: str, stage: str) -> None:
    assert ask(BY_ID[id_], HEALTHY, stage=stage).verdict is Verdict.OK


@pytest.mark.parametrize(
    ("id_", "operation"),
    [
        ("A1", "cloudformation.DescribeStacks"),
        ("A2", "stepfunctions.DescribeStateMachineAlias"),
        ("A2", "lambda.GetAlias"),
        ("A3", "lambda.ListVersionsByFunction"),
        ("A3", "cloudformation.ListStackResources"),
    ],
)
def test_the_permission_that_lacks_is_named(id_: str, operation: str) -> None:
    probe = BY_ID[id_]
    denied, throttled = (ask(probe, {**HEALTHY, operation: refusal}) for refusal in (DENIED, THROTTLED))
    assert denied.verdict is throttled.verdict is Verdict.CANNOT_SAY
    assert denied.findings[-1].text.removeprefix("not allowed: ") in probe.actions


@pytest.mark.parametrize(
    ("stage", "described", "verdict", "remedy"),
    [
        (
            "dev",
            describe_stack("UPDATE_ROLLBACK_FAILED"),
            Verdict.WRONG,
            "continue-update-rollback --stack-name order-",
        ),
        ("dev", describe_stack("UPDATE_ROLLBACK_COMPLETE"), Verdict.WRONG, "-c release=TEXT"),
        ("dev", describe_stack("UPDATE_FAILED"), Verdict.WRONG, "rollback-stack --stack-name order-processing-dev`"),
        ("dev", describe_stack("CREATE_FAILED"), Verdict.WRONG, "delete-stack --stack-name order-processing-dev`"),
        ("dev", describe_stack("DELETE_FAILED"), Verdict.WRONG, "delete-stack --stack-name order-processing-dev`"),
        ("dev", describe_stack("ROLLBACK_COMPLETE"), Verdict.WRONG, "`cdk deploy` deletes it first"),
        (
            "prod",
            describe_stack("ROLLBACK_FAILED", name="order-processing-prod", EnableTerminationProtection=True),
            Verdict.WRONG,
            "`aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name"
            " order-processing-prod`",
        ),
        ("prod", describe_stack(name="order-processing-prod"), Verdict.WRONG, " --enable-termination-protection"),
        ("dev", describe_stack("UPDATE_IN_PROGRESS"), Verdict.CANNOT_SAY, "wait"),
    ],
)
def test_the_stacks_status_is_judged_with_the_way_out(
    stage: str, described: Mapping[str, Any], verdict: Verdict, remedy: str
) -> None:
    examined = ask(BY_ID["A1"], {**HEALTHY, "cloudformation.DescribeStacks": described}, stage=stage)
    assert examined.verdict is verdict
    assert remedy in (examined.findings[-1].remedy or "")


@pytest.mark.parametrize(
    ("answers", "verdict", "says"),
    [
        (
            {"stepfunctions.DescribeStateMachineAlias": route_executions(v41=100)},
            Verdict.WRONG,
            "the state machine sends 100 % of its calls to version 41; version 42 was deployed last",
        ),
        (
            {"stepfunctions.DescribeStateMachineAlias": route_executions(v41=90, v42=10)},
            Verdict.CANNOT_SAY,
            "90 % of its calls to version 41 and 10 % of its calls to version 42",
        ),
        ({"lambda.GetAlias": {"FunctionVersion": "6"}}, Verdict.WRONG, f"{function_name('SendEmail')} sends 100 %"),
        (
            {
                "lambda.GetAlias": {
                    "FunctionVersion": "6",
                    "RoutingConfig": {"AdditionalVersionWeights": {"7": 0.1}},
                }
            },
            Verdict.CANNOT_SAY,
            "90 % of its calls to version 6 and 10 % of its calls to version 7",
        ),
    ],
)
def test_an_alias_that_was_moved_is_told_from_a_shift(
    answers: Mapping[str, Answer], verdict: Verdict, says: str
) -> None:
    examined = ask(BY_ID["A2"], {**HEALTHY, **answers})
    assert examined.verdict is verdict
    assert says in examined.findings[0].text
    assert ("-c shift=false" in (examined.findings[0].remedy or "")) is (verdict is Verdict.WRONG)


@pytest.mark.parametrize(
    ("id_", "answers"),
    [
        (
            "A2",
            {"stepfunctions.DescribeStateMachineAlias": route_executions(v41=100), "lambda.GetAlias": DENIED},
        ),
        ("A2", {"lambda.GetAlias": deny_after_first({"FunctionVersion": "6"})}),
        ("A3", {"lambda.ListVersionsByFunction": deny_after_first(list_versions(7, 8))}),
    ],
)
def test_what_was_found_is_kept_when_a_later_call_is_refused(id_: str, answers: Mapping[str, Answer]) -> None:
    examined = ask(BY_ID[id_], {**HEALTHY, **answers})
    assert [one.verdict for one in examined.findings] == [Verdict.WRONG, Verdict.CANNOT_SAY]
    assert examined.verdict is Verdict.WRONG


def test_a_route_that_gets_no_calls_does_not_count() -> None:
    parked = {"stepfunctions.DescribeStateMachineAlias": route_executions(v42=100, v41=0)}
    assert ask(BY_ID["A2"], {**HEALTHY, **parked}).verdict is Verdict.OK


def test_a_version_that_a_rollback_left_is_named() -> None:
    left = {"lambda.ListVersionsByFunction": lambda asked: list_versions(6, 7, *_newer(asked["FunctionName"]))}
    (finding,) = ask(BY_ID["A3"], {**HEALTHY, **left}).findings
    assert finding.verdict is Verdict.WRONG
    assert finding.text.endswith(f": {function_name('UpdateOrder')}:8, {function_name('UpdateOrder')}:10")
    assert "-c release=TEXT" in (finding.remedy or "")


def _newer(function: str) -> tuple[int, ...]:
    return (8, 10) if function == function_name("UpdateOrder") else ()


@pytest.mark.parametrize("id_", ["A2", "A3"])
@pytest.mark.parametrize(
    ("status", "says"),
    [
        ("UPDATE_IN_PROGRESS", "a deployment is under way (UPDATE_IN_PROGRESS)"),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "a deployment is under way"),
        ("UPDATE_ROLLBACK_IN_PROGRESS", "a deployment is under way"),
        ("UPDATE_ROLLBACK_FAILED", "the stack is UPDATE_ROLLBACK_FAILED"),
    ],
)
def test_a_deploy_that_has_both_versions_is_not_taken_for_a_rollback(id_: str, status: str, says: str) -> None:
    """A version is kept when it is replaced: whichever of the two is listed last says nothing."""
    old = resource("Lambda::Version", "UpdateOrderOld", function_arn("UpdateOrder", "6"))
    answers: Mapping[str, Answer] = {
        **HEALTHY,
        "cloudformation.DescribeStacks": describe_stack(status),
        "cloudformation.ListStackResources": list_resources(old),
    }
    (finding,) = ask(BY_ID[id_], answers).findings
    assert finding.verdict is Verdict.CANNOT_SAY
    assert finding.text.startswith(says)


@pytest.mark.parametrize("status", ["DELETE_IN_PROGRESS", "DELETE_FAILED", "DELETE_SKIPPED", "DELETE_COMPLETE"])
def test_what_a_deploy_takes_away_is_not_the_stacks(status: str) -> None:
    replaced = resource("Lambda::Version", "UpdateOrderOld", function_arn("UpdateOrder", "6"), status)
    answers = {**HEALTHY, "cloudformation.ListStackResources": list_resources(replaced)}
    assert [ask(BY_ID[id_], answers).verdict for id_ in ("A2", "A3")] == [Verdict.OK, Verdict.OK]


def test_what_has_no_name_yet_is_not_the_stacks() -> None:
    unnamed = resource("Lambda::Alias", "NewLive", "", "CREATE_FAILED")
    del unnamed["PhysicalResourceId"]
    answers = {**HEALTHY, "cloudformation.ListStackResources": list_resources(unnamed)}
    assert ask(BY_ID["A2"], answers).verdict is Verdict.OK


@pytest.mark.parametrize("id_", ["A2", "A3"])
def test_the_local_aws_has_no_versions(id_: str) -> None:
    assert ask(BY_ID[id_], {}, stage="local").verdict is Verdict.NOT_LOCAL


def test_a_stack_without_versions_is_another_versions() -> None:
    nothing: Answer = {"StackResourceSummaries": []}
    answers = {**HEALTHY, "cloudformation.ListStackResources": nothing}
    assert ask(BY_ID["A1"], answers).verdict is Verdict.CANNOT_SAY
    assert ask(BY_ID["A2"], answers).verdict is Verdict.CANNOT_SAY
    assert ask(BY_ID["A3"], answers).verdict is Verdict.CANNOT_SAY
