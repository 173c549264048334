"""Probes of what is deployed: the stack's state, and whether each alias is where the stack put it."""

from collections.abc import Iterator
from typing import Final

from ops.doctor.probe import Finding, Probe
from ops.doctor.subject import Subject

_GROUP: Final = "The deployment"
_STABLE: Final = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})


def examine_stack_status(subject: Subject) -> Iterator[Finding]:
    """Look at the stack's status and, in prod, its protection."""
    (found,) = subject.stack.client("cloudformation").describe_stacks(StackName=subject.stack.name)["Stacks"]
    status = found["StackStatus"]
    if status in _STABLE:
        yield Finding.ok(f"{subject.stack.name} is {status}, with {len(subject.resources)} resources")
    else:
        yield Finding.wrong(f"{subject.stack.name} is {status}", "wait until it ends, or deploy again")
    if subject.stage == "prod" and not found.get("EnableTerminationProtection"):
        yield Finding.wrong(
            "the stack is not protected from being deleted",
            "run `aws cloudformation update-termination-protection --enable-termination-protection"
            f" --stack-name {subject.stack.name}`",
        )


PROBES: Final = (
    Probe(
        id="A1",
        group=_GROUP,
        asks="the stack is deployed, and in prod protected",
        ask=examine_stack_status,
        actions=("cloudformation:DescribeStacks", "cloudformation:ListStackResources"),
        page="deploying.md",
    ),
)
