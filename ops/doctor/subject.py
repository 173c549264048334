"""What is examined: a stage's stack and what CloudFormation made of it, each asked for once."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ops.doctor.errors import Absent
from ops.stack import LOCAL_STAGE, Resource, Stack

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef


@dataclass(frozen=True)
class Subject:
    """A stage's stack, or before it is deployed its name, with none of its outputs but the sender where it is named."""

    stack: Stack

    @property
    def stage(self) -> str:
        """The stage, such as dev."""
        return self.stack.stage

    @property
    def is_local(self) -> bool:
        """Whether the emulator is asked instead of AWS."""
        return self.stage == LOCAL_STAGE

    @cached_property
    def account(self) -> str:
        """The account's id."""
        return self.stack.client("sts").get_caller_identity()["Account"]

    def make_arn(self, service: str, resource: str, *, regional: bool = True) -> str:
        """Give the ARN of something in the stack's account, for the calls of AWS that know it by that alone."""
        _, partition, _, region, account, _ = self.stack["OrderTopicArn"].split(":")
        return f"arn:{partition}:{service}:{region if regional else ''}:{account}:{resource}"

    def make_host(self, service: str) -> str:
        """Give the regional name of a service, as kms:ViaService has it: sns.eu-west-1.amazonaws.com."""
        suffix = "amazonaws.com.cn" if self.stack.region.startswith("cn-") else "amazonaws.com"
        return f"{service}.{self.stack.region}.{suffix}"

    def describe_stack(self) -> "StackTypeDef":
        """Ask CloudFormation how the stack is now.

        Needs cloudformation:DescribeStacks.

        Raises:
            ClientError: there is none (`ValidationError`), or AWS could not be asked.
        """
        (found,) = self.stack.client("cloudformation").describe_stacks(StackName=self.stack.name)["Stacks"]
        return found

    @property
    def resources(self) -> tuple[Resource, ...]:
        """What AWS has made for the stack; see `Stack.resources`."""
        return self.stack.resources

    def find_resources(self, kind: str, beginning: str = "") -> tuple[Resource, ...]:
        """Give the resources of a kind whose logical id begins so."""
        return self.stack.find_resources(kind, beginning)

    def find_resource(self, kind: str, beginning: str = "") -> Resource:
        """Give the only resource of a kind whose logical id begins so.

        Raises:
            Absent: there is none, or there are several: the stack is of another version than this command.
        """
        found = self.find_resources(kind, beginning)
        if len(found) != 1:
            what = f"{kind} {beginning}".strip()
            raise Absent(f"the stack has {len(found) or 'no'} {what}, and this version's has one")
        return found[0]
