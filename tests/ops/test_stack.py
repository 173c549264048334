"""The stack is found by its stage, and what AWS answers badly becomes a line that a person can act on."""

import json
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
    ReadTimeoutError,
)

from functions.shared.errors import TransientError
from infra.settings import STAGES as DEPLOYABLE
from ops import stack as stack_module
from ops.environment.variables import client_environment
from ops.errors import StackError
from ops.local_aws import find_start
from ops.stack import STAGES, LocalAccount, Stack, connect_local, connect_stack, explain_errors


def answered(code: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "DescribeStacks")


@dataclass
class Account:
    """An account whose CloudFormation answers this."""

    answer: dict[str, Any] | Exception
    asked: list[str] = field(default_factory=list)

    def client(self, service: str) -> Any:
        self.asked.append(service)
        return self

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        self.asked.append(StackName)
        if isinstance(self.answer, Exception):
            raise self.answer
        return {"Stacks": [self.answer]}

    def get_caller_identity(self) -> dict[str, Any]:
        return {"Account": "123456789012"}


def test_every_stage_that_can_be_deployed_can_be_named() -> None:
    assert set(STAGES) == set(DEPLOYABLE)


def test_a_stack_is_found_by_its_stage_and_known_by_its_outputs() -> None:
    account = Account({"Outputs": [{"OutputKey": "OrderTopicArn", "OutputValue": "arn:topic"}]})
    stack = stack_module._find_stack(account, "dev", "eu-west-1")
    assert (stack.name, stack.region, stack["OrderTopicArn"]) == ("order-processing-dev", "eu-west-1", "arn:topic")
    with pytest.raises(StackError, match=r"no output Other: it is older .* `make deploy STAGE=dev`"):
        stack["Other"]


@pytest.mark.parametrize(
    ("shell", "named", "region"),
    [
        ({"AWS_REGION": "eu-west-1"}, None, "eu-west-1"),
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-east-1"}, None, "eu-west-1"),
        ({"AWS_DEFAULT_REGION": "us-east-1"}, None, "us-east-1"),
        ({"AWS_REGION": "eu-west-1"}, "us-east-1", "us-east-1"),
    ],
)
def test_the_region_is_the_one_that_the_aws_cli_and_the_cdk_take(
    shell: dict[str, str], named: str | None, region: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`orders env` and GitHub's action for credentials set AWS_REGION."""
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    for name, value in shell.items():
        monkeypatch.setenv(name, value)
    assert stack_module.name_stack("dev", region=named).region == region


def test_a_client_is_made_once() -> None:
    account = Account({})
    stack = Stack("order-processing-dev", "eu-west-1", account, {})
    assert stack.client("sqs") is stack.client("sqs")
    assert account.asked == ["sqs"]


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_a_stage_without_a_stack_says_where_it_was_looked_for_and_what_deploys_it(stage: str) -> None:
    account = Account(answered("ValidationError", f"Stack with id order-processing-{stage} does not exist"))
    told = (
        f"no stack order-processing-{stage} in account 123456789012, region eu-west-1: name another"
        rf" \(--profile, --region\); `make deploy STAGE={stage}` deploys it there"
    )
    with pytest.raises(StackError, match=told):
        stack_module._find_stack(account, stage, "eu-west-1")


UNREACHED = EndpointConnectionError(endpoint_url="http://127.0.0.1:9")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (answered("ValidationError", "does not exist"), "no stack order-processing-local on the local AWS; `make up`"),
        (UNREACHED, "no local AWS is up; `make up` starts one"),
        ({"StackStatus": "ROLLBACK_COMPLETE"}, "it is ROLLBACK_COMPLETE; `make up` deploys it again"),
    ],
)
def test_the_local_stage_is_deployed_by_make_up(answer: dict[str, Any] | Exception, told: str) -> None:
    with pytest.raises(StackError, match=told):
        stack_module._find_stack(Account(answer), "local", "us-west-2")


def test_a_stack_that_was_never_deployed_whole_says_how_it_is() -> None:
    told = (
        "has no outputs: it is ROLLBACK_COMPLETE; `make deploy STAGE=dev` deploys it again;"
        " `orders doctor --before dev` says what is in the way"
    )
    with pytest.raises(StackError, match=told):
        stack_module._find_stack(Account({"StackStatus": "ROLLBACK_COMPLETE"}), "dev", "eu-west-1")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (answered("AccessDenied", "User: x is not authorized"), "not allowed: User: x is not authorized"),
        (answered("ExpiredToken"), r"does not know these credentials \(ExpiredToken\): sign in again"),
        (answered("InternalFailure", "oops"), "DescribeStacks failed: InternalFailure: oops"),
        (NoCredentialsError(), "no credentials: sign in"),
        (NoRegionError(), "no region: name it with --region"),
        (ProfileNotFound(profile="x"), "`aws configure list-profiles`"),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), "AWS is out of reach"),
        (ReadTimeoutError(endpoint_url="http://127.0.0.1:1"), "AWS could not be asked"),
        (TransientError("UpdateItem: ThrottlingException"), "AWS could not be asked: UpdateItem: Throttling"),
    ],
)
def test_what_aws_answers_badly_says_what_to_do(error: Exception, told: str) -> None:
    with pytest.raises(StackError, match=told), explain_errors():
        raise error


def test_a_fault_of_ours_is_not_blamed_on_aws() -> None:
    with pytest.raises(KeyError), explain_errors():
        raise KeyError


def test_without_a_local_aws_there_is_none_to_ask(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr(stack_module, "NOTE", tmp_path / "aws.json")
    with pytest.raises(StackError, match="no local AWS is up; `make up` starts one"):
        connect_local()


def test_the_local_stage_without_a_local_aws_never_means_the_account_of_the_shell(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr(stack_module, "NOTE", tmp_path / "aws.json")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with pytest.raises(StackError, match="no local AWS is up; `make up` starts one"):
        connect_stack("local")


@pytest.mark.parametrize("find", [connect_local, lambda: connect_stack("local")])
def test_an_endpoint_of_the_shell_where_nothing_answers_is_named(
    monkeypatch: pytest.MonkeyPatch, find: Callable[[], Stack]
) -> None:
    with socket.socket() as silent:  # bound and not listening: whoever connects is refused
        silent.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        for name, value in client_environment(endpoint).items():
            monkeypatch.setenv(name, value)
        with pytest.raises(StackError, match=rf"^nothing answers at AWS_ENDPOINT_URL={endpoint}: unset it"):
            find()


def test_a_shell_that_holds_the_port_of_a_stopped_local_aws_finds_the_one_that_is_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    note = {"pid": os.getpid(), "started": find_start(os.getpid()), "port": 4567, "directory": "/nowhere"}
    (tmp_path / "aws.json").write_text(json.dumps(note), encoding="utf-8")
    monkeypatch.setattr(stack_module, "NOTE", tmp_path / "aws.json")
    monkeypatch.setattr(stack_module, "_find_stack", lambda aws, *_: Stack("order-processing-local", "", aws, {}))
    with socket.socket() as older:
        older.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{older.getsockname()[1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        assert connect_local().aws == LocalAccount("http://127.0.0.1:4567")
        older.listen()  # another local AWS of the person's own: the shell was pointed at it
        assert connect_local().aws == LocalAccount(endpoint)


def test_a_stage_on_aws_is_not_looked_for_on_the_local_aws_without_saying_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    with pytest.raises(StackError, match="this shell is pointed at the local AWS"):
        stack_module._find_stack(Account(answered("ValidationError")), "dev", "us-west-2")


@pytest.mark.parametrize(
    "elsewhere", ["https://sqs.us-west-2.amazonaws.com", "http://127.0.0.1:4566@evil.example", "http://[", ""]
)
def test_local_never_means_an_aws_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Any, elsewhere: str) -> None:
    monkeypatch.setattr(stack_module, "NOTE", tmp_path / "aws.json")
    monkeypatch.setenv("AWS_ENDPOINT_URL", elsewhere)
    with pytest.raises(StackError, match="no local AWS is up"):
        connect_local()


def test_the_local_aws_is_asked_whatever_profile_the_shell_names(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as held:  # bound and not listening: whoever asks there is refused
        held.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{held.getsockname()[1]}")
        monkeypatch.setenv("AWS_PROFILE", "nobody")
        with pytest.raises(StackError, match="nothing answers at AWS_ENDPOINT_URL=http://127"):
            connect_local()


def test_a_profile_that_is_not_there_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    with pytest.raises(StackError, match="nobody"):
        connect_stack("dev", profile="nobody")


def test_a_profile_and_a_region_that_are_typed_win_over_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text(
        "[profile work]\nregion = us-east-1\naws_access_key_id = WORK\naws_secret_access_key = x\n"
        "[profile home]\nregion = us-east-2\naws_access_key_id = HOME\naws_secret_access_key = x\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_PROFILE", "home")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "SHELL")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-1")
    found: list[tuple[Any, str]] = []
    monkeypatch.setattr(stack_module, "_find_stack", lambda aws, _stage, region: found.append((aws, region)))
    connect_stack("dev", profile="work", region="eu-west-1")
    ((account, region),) = found
    client = account.client("sqs")
    assert (region, client.meta.region_name) == ("eu-west-1", "eu-west-1")
    assert client._request_signer._credentials.access_key == "WORK"


def test_a_stage_on_aws_that_is_not_deployed_yet_is_not_named_on_the_local_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    with pytest.raises(StackError, match="this shell is pointed at the local AWS"):
        stack_module.name_stack("prod", region="eu-west-1")
