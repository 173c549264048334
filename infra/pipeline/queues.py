"""The base of all queues of this stack: encrypted with the stack's key, and refusing unencrypted transport."""

from aws_cdk import Acknowledgment, Duration, Validations
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.pipeline.encryption import DATA_KEY_REUSE
from infra.settings import Settings

# Of a queue that a function reads; decision 12 has the arithmetic. With no answer from AWS a call ends after 9 s, and a
# message at most 27 s after it was begun (functions/shared/batch.py): a batch of five of which no call is answered has
# been tried whole after 4 x 9 s + 27 s, before the function's timeout.
BATCH = 5
READER_TIMEOUT = Duration.seconds(70)
# A failed message comes back two minutes later, and its last delivery is 22 minutes after the first.
VISIBILITY_TIMEOUT = Duration.seconds(120)
DELIVERIES = 12


def dead_letter_queue(
    scope: Construct, construct_id: str, *, settings: Settings, key: kms.IKey, whose: str
) -> sqs.Queue:
    """A queue for messages that failed permanently. They are kept for 14 days, SQS's maximum."""
    queue = _create_queue(scope, construct_id, settings=settings, key=key, retention_period=Duration.days(14))
    Validations.of(queue).acknowledge(
        Acknowledgment(id="Serverless-SQSRedrivePolicy", reason=f"It is a dead-letter queue: {whose}.")
    )
    return queue


def polled_queue(
    scope: Construct,
    construct_id: str,
    *,
    settings: Settings,
    key: kms.IKey,
    dead_letters: sqs.Queue,
) -> sqs.Queue:
    """A queue that a function polls.

    A message's age counts on in the DLQ: so long to repair the function, and as long again to see to the message
    there. The default of 4 days would delete what waits longer.
    """
    return _create_queue(
        scope,
        construct_id,
        settings=settings,
        key=key,
        retention_period=Duration.days(7),
        visibility_timeout=VISIBILITY_TIMEOUT,
        dead_letter_queue=sqs.DeadLetterQueue(queue=dead_letters, max_receive_count=DELIVERIES),
    )


def _create_queue(
    scope: Construct,
    construct_id: str,
    *,
    settings: Settings,
    key: kms.IKey,
    retention_period: Duration,
    visibility_timeout: Duration | None = None,
    dead_letter_queue: sqs.DeadLetterQueue | None = None,
) -> sqs.Queue:
    return sqs.Queue(
        scope,
        construct_id,
        retention_period=retention_period,
        visibility_timeout=visibility_timeout,
        dead_letter_queue=dead_letter_queue,
        encryption=sqs.QueueEncryption.KMS,
        encryption_master_key=key,
        data_key_reuse=DATA_KEY_REUSE,
        enforce_ssl=True,
        removal_policy=settings.removal_policy,
    )
