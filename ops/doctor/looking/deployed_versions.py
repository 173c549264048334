"""Probes of what is deployed: the stack's state, and whether each alias is where the stack put it."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from ops.doctor.looking.stack_status import judge_status, protect_stack
from ops.doctor.probe import Finding, Probe, Verdict, judge_all
from ops.doctor.subject import Subject

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

_GROUP: Final = "The deployment"
_PAGE: Final = "deploying.md#rolling-back"
_UNVERSIONED: Final = "it has no versions: it runs what was deployed last"


def examine_stack_status(subject: Subject) -> Iterator[Finding]:
    """Look at the stack's status and, in prod, its protection."""
    found = _describe_stack(subject)
    status = judge_status(found)
    yield (
        Finding.ok(f"{status.text}, with {len(subject.resources)} resources")
        if status.verdict is Verdict.OK
        else status
    )
    if subject.stage == "prod" and not found.get("EnableTerminationProtection"):
        yield Finding.wrong("the stack is not protected from being deleted", f"run {protect_stack(subject.stack.name)}")


def _describe_stack(subject: Subject) -> "StackTypeDef":
    (found,) = subject.stack.client("cloudformation").describe_stacks(StackName=subject.stack.name)["Stacks"]
    return found


def _find_unsettled(subject: Subject) -> Finding | None:
    """Say why nobody can name the version that was deployed last: until a deploy has ended the stack has two; else None."""
    status = _describe_stack(subject)["StackStatus"]
    if status.endswith("_IN_PROGRESS"):
        return Finding.unclear(
            f"a deployment is under way ({status}), with old and new versions side by side",
            "run it again when it has ended",
        )
    if status.endswith("_FAILED"):
        return Finding.unclear(
            f"the stack is {status}, and may have old and new versions side by side", "follow A1's remedy first"
        )
    return None


def examine_aliases(subject: Subject) -> Iterator[Finding]:
    """Compare where each alias sends calls with the version that the stack has deployed."""
    if unsettled := _find_unsettled(subject):
        yield unsettled
        return
    judged = (_judge_machine(subject), *_judge_functions(subject))
    wrong = [finding for finding in judged if finding is not None]
    yield from judge_all("aliases send all calls to the version that was deployed last", len(judged), wrong)


def _judge_machine(subject: Subject) -> Finding | None:
    """Judge the alias of the state machine; None if it is right."""
    states = subject.stack.client("stepfunctions")
    arn = subject.find_resource("AWS::StepFunctions::StateMachineAlias").physical_id
    deployed = subject.find_resource("AWS::StepFunctions::StateMachineVersion").physical_id
    routes = states.describe_state_machine_alias(stateMachineAliasArn=arn)["routingConfiguration"]
    shares = {_split_arn(route["stateMachineVersionArn"])[1]: float(route["weight"]) for route in routes}
    return _judge_shares("the state machine", shares, _split_arn(deployed)[1])


def _judge_functions(subject: Subject) -> Iterator[Finding | None]:
    """Judge the alias of each function; None for each that is right."""
    deployed, client = _find_deployed(subject), subject.stack.client("lambda")
    for alias in subject.find_resources("AWS::Lambda::Alias"):
        function, name = _split_arn(alias.physical_id)
        found = client.get_alias(FunctionName=function, Name=name)
        others = found.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
        shares = {version: 100 * weight for version, weight in others.items() if weight}
        shares[found["FunctionVersion"]] = 100 - sum(shares.values())
        yield _judge_shares(function, shares, deployed.get(function, "none"))


def _judge_shares(what: str, shares: Mapping[str, float], deployed: str) -> Finding | None:
    """Compare the percentages of calls that go to each version with the one that was deployed last."""
    if shares == {deployed: 100}:
        return None
    named = " and ".join(f"{share:g} % of its calls to version {version}" for version, share in sorted(shares.items()))
    text = f"the alias of {what} sends {named}; version {deployed} was deployed last"
    if deployed in shares:
        return Finding.unclear(f"{text}: a deploy is under way, or was stopped by hand", "run this again when it ended")
    return Finding.wrong(
        f"{text}: it was rolled back by hand",
        "revert the commit that was rolled back, and deploy with `-c shift=false`: otherwise the deploy first sends"
        f" most calls to version {deployed} again",
    )


def examine_versions(subject: Subject) -> Iterator[Finding]:
    """Look for versions of functions that are newer than the stack's and outside of it.

    A deploy that was taken back leaves them. Lambda makes no new version of code that its last version has, and
    CloudFormation then fails with "Version already exists".
    """
    if unsettled := _find_unsettled(subject):
        yield unsettled
        return
    deployed, client = _find_deployed(subject), subject.stack.client("lambda")
    newer = []
    for function, version in sorted(deployed.items()):
        for page in client.get_paginator("list_versions_by_function").paginate(FunctionName=function):
            numbers = (found["Version"] for found in page["Versions"])
            newer += [f"{function}:{number}" for number in numbers if number.isdigit() and int(number) > int(version)]
    wrong = Finding.wrong(
        f"versions newer than the stack's, and outside of it: {', '.join(newer)}",
        "add `-c release=TEXT` to the next deploy, with any text that was not used before: without it, a deploy of"
        ' their code fails with "Version already exists"',
    )
    yield from judge_all("functions have no version newer than the stack's", len(deployed), [wrong] if newer else [])


def _find_deployed(subject: Subject) -> dict[str, str]:
    """Give the version of each function that the stack has, as a number in digits."""
    return dict(_split_arn(found.physical_id) for found in subject.find_resources("AWS::Lambda::Version"))


def _split_arn(arn: str) -> tuple[str, str]:
    """Split the ARN of a version or an alias into the name of what has it, and its own."""
    *_, name, qualifier = arn.split(":")
    return name, qualifier


PROBES: Final = (
    Probe(
        id="A1",
        group=_GROUP,
        asks="the stack is deployed, and in prod protected",
        ask=examine_stack_status,
        actions=("cloudformation:DescribeStacks", "cloudformation:ListStackResources"),
        page="deploying.md",
    ),
    Probe(
        id="A2",
        group=_GROUP,
        asks="each alias sends all calls to the version that was deployed last",
        ask=examine_aliases,
        actions=(
            "cloudformation:DescribeStacks",
            "cloudformation:ListStackResources",
            "lambda:GetAlias",
            "states:DescribeStateMachineAlias",
        ),
        page=_PAGE,
        not_local=_UNVERSIONED,
    ),
    Probe(
        id="A3",
        group=_GROUP,
        asks="no deploy that was taken back has left a function's version behind",
        ask=examine_versions,
        actions=(
            "cloudformation:DescribeStacks",
            "cloudformation:ListStackResources",
            "lambda:ListVersionsByFunction",
        ),
        page=_PAGE,
        not_local=_UNVERSIONED,
    ),
)
