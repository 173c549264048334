"""The deployed stack: found by its stage, described by its outputs, used through AWS's own APIs."""

import os
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, cast, overload
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)

from functions.shared.errors import TransientError
from ops.errors import StackError
from ops.local_aws import NOTE, REGION, client_at, read_note
from ops.shell import quote_command

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudtrail import CloudTrailClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_codedeploy import CodeDeployClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_ses import SESClient
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_sts import STSClient
    from mypy_boto3_xray import XRayClient

LOCAL_STAGE: Final = "local"
STAGES: Final = (LOCAL_STAGE, "dev", "prod")  # those of infra.settings, which takes a second to import
_LOCAL: Final = re.compile(r"https?://(127\.0\.0\.1|localhost)(:[0-9]+)?/?")
# Seconds. An operator's call may take longer than a function's; three tries either way.
_CONFIG: Final = Config(connect_timeout=5, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 3})
_NOT_ALLOWED: Final = frozenset(
    {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"}
)
_NOT_KNOWN: Final = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)

# Deleted, or left behind: what a deploy replaced, such as a function's last version, is no longer the stack's.


class Aws(Protocol):
    """A maker of clients: an account by ordinary credentials, or a local AWS."""

    def client(self, service: str) -> Any:
        """Return a boto3 client."""


@dataclass(frozen=True)
class Account:
    """AWS by the ordinary credentials: environment, profile, single sign-on, a role."""

    session: boto3.Session
    profile: str | None = None
    """The profile that an option named: it goes before keys that the shell holds"""

    def client(self, service: str) -> Any:
        """Return a boto3 client of it."""
        return cast(Any, self.session).client(service, config=_CONFIG)


@dataclass(frozen=True)
class LocalAccount:
    """The local AWS at an endpoint, whatever profile or credentials the shell holds."""

    endpoint: str

    def client(self, service: str) -> Any:
        """Return a boto3 client of it."""
        return client_at(self.endpoint, service)


@dataclass(frozen=True)
class Resource:
    """One of the stack's resources."""

    kind: str
    """CloudFormation's type, such as AWS::Lambda::Function"""
    logical_id: str
    """Its name in the template: its path in the app without separators, and eight characters of a hash"""
    physical_id: str
    """What AWS calls it: for most kinds a name, for others an ARN or a URL (`Ref` in a template gives the same)"""


@dataclass(frozen=True)
class Stack:
    """A deployed stack: its name, its outputs, and a client for each service."""

    name: str
    region: str
    aws: Aws
    outputs: Mapping[str, str]
    _clients: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def stage(self) -> str:
        """Its stage, such as dev."""
        return self.name.rpartition("-")[2]

    def __getitem__(self, output: str) -> str:
        """Return an output's value; `StackError` if the stack was deployed before it had that one."""
        try:
            return self.outputs[output]
        except KeyError:
            raise StackError(
                f"stack {self.name} has no output {output}: it is older than this command; "
                f"{_deploy_command(self.stage)} updates it"
            ) from None

    @overload
    def client(self, service: Literal["cloudformation"]) -> "CloudFormationClient": ...
    @overload
    def client(self, service: Literal["cloudtrail"]) -> "CloudTrailClient": ...
    @overload
    def client(self, service: Literal["cloudwatch"]) -> "CloudWatchClient": ...
    @overload
    def client(self, service: Literal["codedeploy"]) -> "CodeDeployClient": ...
    @overload
    def client(self, service: Literal["dynamodb"]) -> "DynamoDBClient": ...
    @overload
    def client(self, service: Literal["events"]) -> "EventBridgeClient": ...
    @overload
    def client(self, service: Literal["iam"]) -> "IAMClient": ...
    @overload
    def client(self, service: Literal["kms"]) -> "KMSClient": ...
    @overload
    def client(self, service: Literal["lambda"]) -> "LambdaClient": ...
    @overload
    def client(self, service: Literal["logs"]) -> "CloudWatchLogsClient": ...
    @overload
    def client(self, service: Literal["ses"]) -> "SESClient": ...
    @overload
    def client(self, service: Literal["sesv2"]) -> "SESV2Client": ...
    @overload
    def client(self, service: Literal["sns"]) -> "SNSClient": ...
    @overload
    def client(self, service: Literal["sqs"]) -> "SQSClient": ...
    @overload
    def client(self, service: Literal["ssm"]) -> "SSMClient": ...
    @overload
    def client(self, service: Literal["stepfunctions"]) -> "SFNClient": ...
    @overload
    def client(self, service: Literal["sts"]) -> "STSClient": ...
    @overload
    def client(self, service: Literal["xray"]) -> "XRayClient": ...
    def client(self, service: str) -> Any:
        """Return the client of a service, made once."""
        if service not in self._clients:
            self._clients[service] = self.aws.client(service)
        return self._clients[service]

    @cached_property
    def caller(self) -> str:
        """The caller's ARN, which is recorded in each stock movement."""
        return self.client("sts").get_caller_identity()["Arn"]

    @cached_property
    def resources(self) -> tuple[Resource, ...]:
        """All that AWS has made for the stack, but for what a deploy has replaced or takes away.

        Needs cloudformation:ListStackResources.
        """
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=self.name)
        return tuple(
            Resource(found["ResourceType"], found["LogicalResourceId"], physical_id)
            for page in pages
            for found in page["StackResourceSummaries"]
            if not found["ResourceStatus"].startswith("DELETE_")
            if (physical_id := found.get("PhysicalResourceId"))  # not there yet, or its creation has failed
        )

    def find_resources(self, kind: str, beginning: str = "") -> tuple[Resource, ...]:
        """Give the resources of a kind whose logical id begins so."""
        return tuple(one for one in self.resources if one.kind == kind and one.logical_id.startswith(beginning))


def connect_stack(stage: str, *, profile: str | None = None, region: str | None = None) -> Stack:
    """Find the stack of a stage by the ordinary credentials; stage `local` where `make up` has put it.

    Raises:
        StackError: no region, no credentials, no such stack there.
    """
    if stage == LOCAL_STAGE and not (profile or region or os.environ.get("AWS_ENDPOINT_URL")):
        return connect_local()  # the account of the shell's credentials holds no such stack
    with explain_errors():
        session = _make_session(profile, region)
        return _find_stack(Account(session, profile), stage, session.region_name or "")


def name_stack(stage: str, *, profile: str | None = None, region: str | None = None) -> Stack:
    """Give a stage's stack in the account of the ordinary credentials, without its outputs: none need be deployed.

    Raises:
        StackError: no region, or no such profile.
    """
    if told := _explain_local_shell(stage):
        raise StackError(told)
    with explain_errors():
        session = _make_session(profile, region)
        if not session.region_name:
            raise NoRegionError
        return Stack(stack_name(stage), session.region_name, Account(session, profile), {})


def _make_session(profile: str | None, region: str | None) -> boto3.Session:
    """Make a session in the region that the AWS CLI and the CDK would take; boto3 alone does not know AWS_REGION."""
    return boto3.Session(profile_name=profile, region_name=region or os.environ.get("AWS_REGION") or None)


def stack_name(stage: str) -> str:
    """Give the name of a stage's stack."""
    return f"order-processing-{stage}"


def connect_local() -> Stack:
    """Find the stack on the local AWS: the one this shell is pointed at, else the one that `make up` started.

    Raises:
        StackError: none is up, or nothing is deployed to it.
    """
    named, noted = os.environ.get("AWS_ENDPOINT_URL", ""), read_note(NOTE)
    running = noted.endpoint if noted and noted.is_running else None
    if _LOCAL.fullmatch(named) and (running in {None, named} or _is_answered(named)):
        endpoint = named
    elif running is not None:
        endpoint = running  # the shell may hold the address of one that was stopped since
    else:
        raise StackError("no local AWS is up; `make up` starts one")
    with explain_errors():
        return _find_stack(LocalAccount(endpoint), LOCAL_STAGE, REGION)


def _is_answered(endpoint: str) -> bool:
    address = urlsplit(endpoint)
    try:
        with socket.create_connection((address.hostname, address.port or 80), timeout=5):
            return True
    except OSError:
        return False


def _find_stack(aws: Aws, stage: str, region: str) -> Stack:
    name = stack_name(stage)
    cloudformation: CloudFormationClient = aws.client("cloudformation")
    try:
        (found,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except EndpointConnectionError as error:
        if stage == LOCAL_STAGE:
            raise StackError(_describe_unreached(error)) from error
        raise
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            raise StackError(_describe_absent(aws, name, stage, region)) from error
        raise
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", ())}
    if not outputs:
        way_out = (
            ""
            if stage == LOCAL_STAGE
            else f"; {quote_command('orders doctor --before', stage)} says what is in the way"
        )
        raise StackError(
            f"stack {name} in {region} has no outputs: it is {found['StackStatus']}; "
            f"{_deploy_command(stage)} deploys it again{way_out}"
        )
    return Stack(name=name, region=region, aws=aws, outputs=outputs)


def _describe_unreached(error: EndpointConnectionError) -> str:
    """Say which address gives no answer, and who named it: the shell may hold that of a local AWS long stopped."""
    named = os.environ.get("AWS_ENDPOINT_URL", "")
    if named and str(error.kwargs["endpoint_url"]).startswith(named):
        return f"nothing answers at AWS_ENDPOINT_URL={named}: unset it, or set it anew with the lines of `make up`"
    return f"no local AWS is up; `make up` starts one ({error})"


def _describe_absent(aws: Aws, name: str, stage: str, region: str) -> str:
    """Say where a stack was looked for, and what deploys it."""
    if stage == LOCAL_STAGE:
        return f"no stack {name} on the local AWS; {_deploy_command(stage)} deploys it"
    if told := _explain_local_shell(stage):
        return told
    sts: STSClient = aws.client("sts")
    account = sts.get_caller_identity()["Account"]
    return (
        f"no stack {name} in account {account}, region {region}: name another (--profile, --region);"
        f" {_deploy_command(stage)} deploys it there"
    )


def _explain_local_shell(stage: str) -> str | None:
    """Say that a stage on AWS would be looked for on the local AWS; None where the shell is not pointed at it."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
    if not _LOCAL.fullmatch(endpoint):
        return None
    return (
        f"no stack {stack_name(stage)}: this shell is pointed at the local AWS (AWS_ENDPOINT_URL={endpoint});"
        " use one in which its export lines were not evaluated"
    )


def _deploy_command(stage: str) -> str:
    """Give the command that deploys a stage, from the project's folder."""
    return "`make up`" if stage == LOCAL_STAGE else quote_command("make deploy", f"STAGE={stage}")


@contextmanager
def explain_errors() -> Iterator[None]:
    """Turn AWS's errors into what a person can act on; each becomes a `StackError`."""
    try:
        yield
    except ProfileNotFound as error:
        raise StackError(f"{error}: `aws configure list-profiles` names those there are") from error
    except NoRegionError as error:
        raise StackError("no region: name it with --region, AWS_REGION or the profile") from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise StackError("no credentials: sign in (`aws sso login`, `aws configure`) or name a --profile") from error
    except EndpointConnectionError as error:
        raise StackError(f"AWS is out of reach: {error}") from error
    except ClientError as error:
        raise StackError(explain_error(error)) from error
    except (BotoCoreError, TransientError) as error:
        raise StackError(f"AWS could not be asked: {error}") from error


def explain_error(error: ClientError) -> str:
    """Say what AWS refused, and what can be done about it where that is known."""
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    if is_refusal(error):
        return f"not allowed: {message or code}"
    if code in _NOT_KNOWN:
        return f"AWS does not know these credentials ({code}): sign in again, or name another --profile"
    return f"{error.operation_name} failed: {code}: {message}"


def is_refusal(error: ClientError) -> bool:
    """Whether AWS says that the caller may not do this."""
    return error.response["Error"]["Code"] in _NOT_ALLOWED
