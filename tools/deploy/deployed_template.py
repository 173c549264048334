"""The template that a stack was deployed from."""

from collections.abc import Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

from ops.doctor.looking.stack_status import NEVER_CREATED
from ops.errors import StackError
from ops.stack import Stack, explain_errors

# Which the caller needs, on the stack: the CDK itself uses the bootstrap's roles.
ACTIONS: Final = ("cloudformation:DescribeStacks", "cloudformation:GetTemplate")
# Somebody has looked at what a first deploy would create, or a first deploy failed: nothing can be taken away.
_WITHOUT_RESOURCES: Final = NEVER_CREATED | {"REVIEW_IN_PROGRESS"}


def read_deployed_template(stack: Stack) -> Mapping[str, Any] | None:
    """Read it; None if the stack is not deployed.

    Raises:
        StackError: AWS could not be asked, or the template is none of ours.
    """
    cloudformation = stack.client("cloudformation")
    with explain_errors():
        try:
            (found,) = cloudformation.describe_stacks(StackName=stack.name)["Stacks"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationError":
                return None
            raise
        if found["StackStatus"] in _WITHOUT_RESOURCES:
            return None
        template: Mapping[str, Any] | str = cloudformation.get_template(StackName=stack.name)["TemplateBody"]
    if isinstance(template, str):
        raise StackError(
            f"{stack.name} was not deployed from here: its template is no JSON, so that what this deploy takes away"
            " cannot be told; compare with `make diff`, and deploy with `cdk deploy`"
        )
    return template
