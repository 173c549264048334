"""Probes of what is deployed: the stack's state, and whether each alias is where the stack put it."""

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Final

from ops.doctor.aliases import Routing, read_function_routing, read_machine_routing
from ops.doctor.looking.stack_status import judge_status, protect_stack
from ops.doctor.probe import Finding, Probe, Verdict, judge_all
from ops.doctor.subject import Subject

if TYPE_CHECKING:
    pass

_GROUP: Final = "The deployment"
_PAGE: Final = "deploying.md#rolling-back"
_UNVERSIONED: Final = "it has no versions: it runs what was deployed last"


def examine_stack_status(subject: Subject) -> Iterator[Finding]:
    """Look at the stack's status and, in prod, its protection."""
    found = subject.describe_stack()
    status = judge_status(found)
    yield _count_resources(subject, status) if status.verdict is Verdict.OK else status
    if subject.stage == "prod" and not found.get("EnableTerminationProtection"):
        yield Finding.wrong("the stack is not protected from being deleted", f"run {protect_stack(subject.stack.name)}")


def _count_resources(subject: Subject, status: Finding) -> Finding:
    """Say how many resources a stack has that is as a deploy leaves it: CloudFormation deploys none without any."""
    if not subject.resources:
        return Finding.unclear(f"{status.text}, but CloudFormation lists none of its resources", "run it again")
    return Finding.ok(f"{status.text}, with {len(subject.resources)} resources")


def _find_unsettled(subject: Subject) -> Finding | None:
    """Say why the version that was deployed last cannot be told, while the stack has two; None if it can."""
    status = subject.describe_stack()["StackStatus"]
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
    total = 1 + len(subject.find_resources("AWS::Lambda::Alias"))
    wrong = chain(_judge_machine(subject), _judge_functions(subject))
    yield from judge_all("aliases send all calls to the version that was deployed last", total, wrong)


def _judge_machine(subject: Subject) -> Iterator[Finding]:
    """Judge the alias of the state machine; nothing if it is right."""
    arn = subject.find_resource("AWS::StepFunctions::StateMachineAlias").physical_id
    deployed = subject.find_resource("AWS::StepFunctions::StateMachineVersion").physical_id
    yield from _judge_shares("the state machine", read_machine_routing(subject, arn), _split_arn(deployed)[1])


def _judge_functions(subject: Subject) -> Iterator[Finding]:
    """Judge the alias of each function; nothing for each that is right."""
    deployed = _find_deployed(subject)
    for alias in subject.find_resources("AWS::Lambda::Alias"):
        function, name = _split_arn(alias.physical_id)
        shares = read_function_routing(subject, function, name)
        yield from _judge_shares(function, shares, deployed.get(function, "none"))


def _judge_shares(what: str, shares: Routing, deployed: str) -> Iterator[Finding]:
    """Compare the percentages of calls that go to each version with the one that was deployed last."""
    if shares == {deployed: 100}:
        return
    named = " and ".join(f"{share:g} % of its calls to version {version}" for version, share in sorted(shares.items()))
    text = f"the alias of {what} sends {named}; version {deployed} was deployed last"
    if deployed in shares:
        yield Finding.unclear(f"{text}: a deploy is under way, or was stopped by hand", "run this again when it ended")
    else:
        yield Finding.wrong(
            f"{text}: it was rolled back by hand",
            "revert the commit that was rolled back, and deploy with `-c shift=false`: otherwise the deploy first"
            f" sends most calls to version {deployed} again",
        )


def examine_versions(subject: Subject) -> Iterator[Finding]:
    """Look for versions of functions that are newer than the stack's and outside of it.

    A deploy that was taken back leaves them. Lambda makes no new version of code that its last version has, and
    CloudFormation then fails with "Version already exists".
    """
    if unsettled := _find_unsettled(subject):
        yield unsettled
        return
    deployed = _find_deployed(subject)
    wrong = (
        finding
        for function, version in sorted(deployed.items())
        for finding in _judge_versions(subject, function, int(version))
    )
    yield from judge_all("functions have no version newer than the stack's", len(deployed), wrong)


def _judge_versions(subject: Subject, function: str, deployed: int) -> Iterator[Finding]:
    """Name a function's versions that are newer than the one that was deployed; nothing if there are none."""
    paginator = subject.stack.client("lambda").get_paginator("list_versions_by_function")
    numbers = [found["Version"] for page in paginator.paginate(FunctionName=function) for found in page["Versions"]]
    if newer := [f"{function}:{number}" for number in numbers if number.isdigit() and int(number) > deployed]:
        yield Finding.wrong(
            f"versions newer than the stack's, and outside of it: {', '.join(newer)}",
            "add `-c release=TEXT` to the next deploy, with any text that was not used before: without it, a deploy of"
            ' their code fails with "Version already exists"',
        )


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
