"""IAM enforced: with its deployed role every function does its work, and without any one grant it does not."""

from collections.abc import Iterator, Mapping

import boto3
import pytest
from botocore.config import Config

from ops.local_aws import REGION
from tests.deployed.conftest import DeployedPipeline
from tests.iam.grants import Grant, deployed_grants, without
from tests.iam.paths import Path, abandoned, happy, refused, rejected, released, second_attempt, tracked

PATHS = (happy, rejected, released, second_attempt, abandoned, refused, tracked)

# By the construct whose role it is: the paths that need it. A role without paths fails the test.
USES: Mapping[str, tuple[Path, ...]] = {
    "StartWorkflow": (happy, refused, second_attempt),
    "UpdateOrder": (happy,),
    "RejectOrder": (rejected,),
    "ReserveInventory": (happy,),
    "ReleaseInventory": (released,),
    "ReleaseAbandoned": (abandoned,),
    "SendEmail": (happy,),
    "TrackEmail": (tracked,),
}

# Grants whose lack the local AWS does not notice, by the construct and the action. AWS asks for them:
NOT_ENFORCED: Mapping[tuple[str, str], str] = {
    ("*", "logs:*"): "it writes a function's log itself, and delivers no log of the state machine",
    ("*", "xray:*"): "it takes traces from anybody",
    ("*", "kms:*"): "it stores in clear what is encrypted with a key, and asks for no permission on it",
    ("*", "sqs:ReceiveMessage"): "its poller reads a queue as itself, AWS's as the function",
    ("*", "sqs:DeleteMessage"): "the same",
    ("*", "sqs:GetQueueAttributes"): "the same",
    ("ReleaseAbandoned", "sqs:SendMessage"): "its EventBridge calls once, and knows no destination of failed calls",
    ("StateMachine", "lambda:InvokeFunction"): "its state machine calls functions as itself, the same",
}


def is_enforced(grant: Grant) -> bool:
    return not any(grant.is_of(*exception) for exception in NOT_ENFORCED)


def role_of(grant: Grant) -> str:
    (construct,) = [construct for construct in USES if f"{construct}Role" in grant.role]
    return construct


@pytest.fixture(autouse=True)
def no_dead_letters_left(enforced: DeployedPipeline) -> Iterator[None]:
    yield
    for dead_letters in ("OrderDlqUrl", "MailEventDlqUrl"):
        enforced.aws.client("sqs").purge_queue(QueueUrl=enforced.outputs[dead_letters])


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.__name__)
def test_every_path_works_with_the_deployed_roles(enforced: DeployedPipeline, path: Path) -> None:
    assert path(enforced) is None


def test_no_permission_is_there_that_is_not_needed(enforced: DeployedPipeline, subtests: pytest.Subtests) -> None:
    """Each grant that IAM lists is taken away, alone: something fails for all to see, and works again with it."""
    grants = [grant for grant in deployed_grants(enforced.aws) if is_enforced(grant)]
    assert {role_of(grant) for grant in grants} == set(USES)
    for grant in grants:
        with subtests.test(str(grant)), enforced.delivered_again_after(1):
            with without(enforced.aws, grant):
                failed = next((path for path in USES[role_of(grant)] if path(enforced)), None)
            assert failed, "taken away, and nothing failed"
            assert failed(enforced) is None, "given back, and it fails still"


def test_what_the_local_aws_does_not_enforce_is_just_what_is_listed(enforced: DeployedPipeline) -> None:
    """All exceptions taken away at once, and everything works: none of them could have been tried here."""
    grants = deployed_grants(enforced.aws)
    for exception in NOT_ENFORCED:
        assert any(grant.is_of(*exception) for grant in grants), f"{exception} is not granted at all"
    with without(enforced.aws, *(grant for grant in grants if not is_enforced(grant))):
        assert {path.__name__: path(enforced) for path in PATHS} == {path.__name__: None for path in PATHS}


def test_another_account_does_not_publish(enforced: DeployedPipeline) -> None:
    """Nobody is named in `-c publishers=…`: this account's publishers do, as every path above shows."""
    client = boto3.client(
        "sns",
        endpoint_url=enforced.aws.endpoint,
        region_name=REGION,
        aws_access_key_id="111111111111",  # the local AWS takes an account's id as its root's key
        aws_secret_access_key="test",
        config=Config(proxies={}),
    )
    with pytest.raises(client.exceptions.AuthorizationErrorException):
        client.publish(TopicArn=enforced.outputs["OrderTopicArn"], Message="{}")
