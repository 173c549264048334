"""The deployed stack as seen from outside: by its outputs and AWS's own APIs, its rows as an operator reads them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from functions.shared.row import number_value, text_value
from local.aws import LocalAws
from ops.dead_letters.dead_letter import DeadLetter
from ops.dead_letters.queues import count_messages, read_queue
from ops.local_aws import REGION
from ops.mail.sent_mails import SentMail
from ops.orders.execution import Attempt
from ops.orders.ledger import Orders
from ops.stack import LOCAL_STAGE, LocalAccount, Stack, stack_name
from ops.stock.movements import StockItem
from ops.tables.order_row import OrderRow
from ops.tables.scan import read_all

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient


@dataclass(frozen=True)
class Pipeline:
    """Orders in, and everything that can be seen of what became of them."""

    aws: LocalAws
    outputs: Mapping[str, str]

    @property
    def stack(self) -> Stack:
        """The stack as the `orders` command sees it."""
        return Stack(stack_name(LOCAL_STAGE), REGION, LocalAccount(self.aws.endpoint), self.outputs)

    def publish(self, message: str | Mapping[str, Any]) -> None:
        """Publish an order, as a shop does."""
        body = message if isinstance(message, str) else json.dumps(message)
        self._sns.publish(TopicArn=self.outputs["OrderTopicArn"], Message=body)

    def deliver_again_after(self, seconds: int) -> None:
        """Set when a message that the starter has not taken on comes back to it."""
        self._sqs.set_queue_attributes(
            QueueUrl=self.outputs["OrderQueueUrl"], Attributes={"VisibilityTimeout": str(seconds)}
        )

    def stock_up(self, stock: Mapping[str, int]) -> None:
        """Set how many pieces of each item are available."""
        for item_id, available in stock.items():
            item = {"item_id": text_value(item_id), "available": number_value(available)}
            self._dynamodb.put_item(TableName=self.outputs["InventoryTableName"], Item=item)

    def stock(self) -> dict[str, int]:
        """Return how many pieces of each item are available."""
        items = map(StockItem.from_item, read_all(self._dynamodb, self.outputs["InventoryTableName"]))
        return {item.item_id: item.available or 0 for item in sorted(items, key=lambda item: item.item_id)}

    def orders(self) -> dict[str, OrderRow]:
        """Return each order's row by its id."""
        rows = map(OrderRow.from_item, read_all(self._dynamodb, self.outputs["OrdersTableName"]))
        return {row.order_id: row for row in rows}

    def attempts(self, order_id: str) -> tuple[Attempt, ...]:
        """Return an order's executions, the first attempt first."""
        return self._orders.attempts(order_id)

    def messages_in(self, queue: str) -> int:
        """Count a queue's messages, those being worked on too; `queue` is the output that holds its URL."""
        return count_messages(self._sqs, self.outputs[queue])

    def dead_letters(self) -> list[DeadLetter]:
        """Return the order DLQ's messages, which stay there."""
        with read_queue(self._sqs, self.outputs["OrderDlqUrl"]) as batches:
            return [letter for batch in batches for letter in batch]

    def mails(self) -> list[SentMail]:
        """Return the mails that have left, oldest first."""
        return self.aws.mails()

    def restrict_mail(self) -> None:
        """Put SES into its sandbox, where every account starts: mail to verified addresses only."""
        self._ses.put_account_details(
            MailType="TRANSACTIONAL", WebsiteURL="https://example.com", ProductionAccessEnabled=False
        )

    def verify_address(self, address: str) -> None:
        """Verify an address; on AWS its owner has to follow a link first."""
        self._ses.create_email_identity(EmailIdentity=address)

    @cached_property
    def _orders(self) -> Orders:
        table, machine = self.outputs["OrdersTableName"], self.outputs["StateMachineArn"]
        return Orders(self._dynamodb, self._states, table=table, machine=machine)

    @cached_property
    def _dynamodb(self) -> "DynamoDBClient":
        client: DynamoDBClient = self.aws.client("dynamodb")
        return client

    @cached_property
    def _ses(self) -> "SESV2Client":
        client: SESV2Client = self.aws.client("sesv2")
        return client

    @cached_property
    def _sns(self) -> "SNSClient":
        client: SNSClient = self.aws.client("sns")
        return client

    @cached_property
    def _sqs(self) -> "SQSClient":
        client: SQSClient = self.aws.client("sqs")
        return client

    @cached_property
    def _states(self) -> "SFNClient":
        client: SFNClient = self.aws.client("stepfunctions")
        return client
