"""The probe that publishes as somebody who may not."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from ops.dead_letters.dead_letter import ORDERS
from ops.doctor.breaking.marked_letters import drop_afterwards, find_letter
from ops.doctor.own_names import make_malformed, name_run
from ops.doctor.patience import Patience
from ops.doctor.probe import Finding
from ops.doctor.repair import look_while_broken
from ops.doctor.subject import Subject
from ops.shell import quote_command
from ops.stack import Aws, is_refusal

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sts import STSClient

# SNS's answers where its topic's policy let the call through, and the key's did not:
# https://docs.aws.amazon.com/sns/latest/api/API_Publish.html#API_Publish_Errors
_BY_THE_KEY: Final = frozenset({"KMSAccessDenied", "KMSAccessDeniedException"})
_ARRIVES: Final = 60.0
_EVERY: Final = 5.0


@dataclass(frozen=True)
class Stranger:
    """D5: somebody outside `publishers`. The answer is to be a refusal, so it is judged here and not by the runner."""

    patience: Patience
    aws: Aws

    def ask(self, subject: Subject) -> Iterator[Finding]:
        """Publish what is no order: should it be let through, it becomes a dead letter and no order."""
        sts: STSClient = self.aws.client("sts")
        sns: SNSClient = self.aws.client("sns")
        who, (order_id, body) = sts.get_caller_identity()["Arn"], make_malformed(name_run(datetime.now(UTC)))
        try:
            sns.publish(TopicArn=subject.stack["OrderTopicArn"], Message=body)
        except ClientError as error:
            yield _judge_refusal(who, error)
            return
        yield Finding.wrong(
            f"{who} may publish orders",
            "name another profile if that is a publisher; else put `publishers`, all who may, into the stage's file,"
            " and deploy",
        )
        yield from self._clear_away(subject, order_id)

    def _clear_away(self, subject: Subject, order_id: str) -> Iterator[Finding]:
        """Wait for the dead letter that the starter makes of it, and drop it."""
        dropped = drop_afterwards(subject, ORDERS, order_id, self.patience.tell)

        def look() -> Iterator[Finding]:
            letter = self.patience.wait_for(
                "a dead letter", lambda: find_letter(subject, ORDERS, order_id), seconds=_ARRIVES, every=_EVERY
            )
            if letter is None:
                yield Finding.unclear(
                    "what was published has not become a dead letter", f"run {quote_command('orders dlq list')}"
                )

        yield from look_while_broken(look, dropped)


def _judge_refusal(who: str, error: ClientError) -> Finding:
    if error.response["Error"]["Code"] in _BY_THE_KEY:
        return Finding.wrong(
            f"the topic lets {who} publish, and only its key refuses", "deploy again: its policy denies all strangers"
        )
    if not is_refusal(error):
        raise error
    return Finding.ok(f"{who} may not publish orders")
