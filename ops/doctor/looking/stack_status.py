"""What a stack's status means, and the way out of each that is not as it should be."""

from typing import TYPE_CHECKING, Final

from ops.doctor.probe import Finding
from ops.shell import quote_command

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

# The first deploy failed: `cdk deploy` deletes such a stack and creates it anew.
NEVER_CREATED: Final = frozenset({"ROLLBACK_COMPLETE", "ROLLBACK_FAILED"})
_STABLE: Final = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})
_DELETE: Final = "aws cloudformation delete-stack --stack-name"
_WAYS_OUT: Final = {
    "CREATE_FAILED": ("its first deploy failed", _DELETE, ", then deploy again"),
    "DELETE_FAILED": ("what was to be deleted is still there", _DELETE, " once nothing keeps it from being deleted"),
    "UPDATE_FAILED": ("the last deploy failed", "aws cloudformation rollback-stack --stack-name", ", then deploy"),
    "UPDATE_ROLLBACK_FAILED": (
        "the last deploy failed, and so did taking it back",
        "aws cloudformation continue-update-rollback --stack-name",
        ", then deploy",
    ),
}


def judge_status(found: "StackTypeDef") -> Finding:
    """Say whether a stack is as a deploy leaves it, and if not, what to do."""
    name, status = found["StackName"], found["StackStatus"]
    if status in _STABLE:
        return Finding.ok(f"{name} is {status}")
    if status.endswith("_IN_PROGRESS"):
        return Finding.unclear(f"{name} is {status}", "wait until that has ended, and run this again")
    if status in NEVER_CREATED:
        return Finding.wrong(f"{name} is {status}: its first deploy failed", _repeat_first_deploy(found))
    if status in _WAYS_OUT:
        meaning, command, then = _WAYS_OUT[status]
        return Finding.wrong(f"{name} is {status}: {meaning}", f"run {quote_command(command, name)}{then}")
    return Finding.wrong(
        f"{name} is {status}: the last deploy was taken back",
        f"read why with {quote_command('aws cloudformation describe-stack-events --stack-name', name)}, and deploy"
        " again with `-c release=TEXT`, any text that was not used before",
    )


def _repeat_first_deploy(found: "StackTypeDef") -> str:
    """Say how to deploy again: CDK deletes the stack first, which termination protection refuses."""
    if not found.get("EnableTerminationProtection"):
        return "deploy again: `cdk deploy` deletes it first"
    return f"run {unprotect_stack(found['StackName'])}, then deploy again: `cdk deploy` deletes it first"


def unprotect_stack(name: str) -> str:
    """Give the command after which a stack can be deleted."""
    return quote_command(
        "aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name", name
    )


def protect_stack(name: str) -> str:
    """Give the command after which a stack cannot be deleted."""
    return quote_command(
        "aws cloudformation update-termination-protection --enable-termination-protection --stack-name", name
    )
