"""The way in: topic, queue, dead letters, and the function that starts an order's workflow."""

from collections.abc import Sequence
from typing import cast

from aws_cdk import Acknowledgment, ArnFormat, CfnElement, Duration, Stack, Validations
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.encryption import DATA_KEY_REUSE
from infra.functions import FUNCTION_TIMEOUT, OrderFunction
from infra.publishers import Publishers
from infra.settings import Settings

# Six times the function's timeout is what Lambda asks of a queue it polls ("Using Lambda with Amazon SQS"):
# a batch may be throttled for a while before it is run, and no second poller may see it meanwhile.
VISIBILITY_TIMEOUT = Duration.seconds(6 * FUNCTION_TIMEOUT.to_seconds())


class Ingestion(Construct):
    """Takes on published orders; what cannot be taken on ends in `order_dlq`, with its reason."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        layers: Sequence[lambda_.ILayerVersion],
        key: kms.IKey,
        publishers: Publishers,
        state_machine: sfn.StateMachine,
    ) -> None:
        super().__init__(scope, construct_id)
        self.order_dlq = sqs.Queue(
            self,
            "OrderDlq",
            retention_period=Duration.days(14),
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=key,
            data_key_reuse=DATA_KEY_REUSE,
            enforce_ssl=True,
            removal_policy=settings.removal_policy,
        )
        Validations.of(self.order_dlq).acknowledge(
            Acknowledgment(
                id="Serverless-SQSRedrivePolicy",
                reason="It is a dead-letter queue: the order queue's, the subscription's, and the starter's.",
            )
        )
        self.order_queue = sqs.Queue(
            self,
            "OrderQueue",
            # An order's age counts on in the DLQ: so long to repair the starter, and as long again to see to the
            # order there. The default of 4 days would delete what waits longer.
            retention_period=Duration.days(7),
            visibility_timeout=VISIBILITY_TIMEOUT,
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.order_dlq, max_receive_count=5),
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=key,
            data_key_reuse=DATA_KEY_REUSE,
            enforce_ssl=True,
            removal_policy=settings.removal_policy,
        )
        self.topic = self._order_topic(settings, key, publishers)
        self.start_workflow = self._starter(settings, layers, key, state_machine)

    def _order_topic(self, settings: Settings, key: kms.IKey, publishers: Publishers) -> sns.Topic:
        topic = sns.Topic(
            self,
            "OrderTopic",
            topic_name=settings.topic_name,
            master_key=key,
            enforce_ssl=True,
        )
        for statement in publishers.policy(topic.topic_arn):
            topic.add_to_resource_policy(statement)
        # Its own redrive policy: what SNS itself cannot deliver to the queue is a lost order otherwise.
        topic.add_subscription(
            subscriptions.SqsSubscription(self.order_queue, raw_message_delivery=True, dead_letter_queue=self.order_dlq)
        )
        return topic

    def _starter(
        self,
        settings: Settings,
        layers: Sequence[lambda_.ILayerVersion],
        key: kms.IKey,
        state_machine: sfn.StateMachine,
    ) -> OrderFunction:
        starter = OrderFunction(
            self,
            "StartWorkflow",
            settings=settings,
            layers=layers,
            key=key,
            folder="start_workflow",
            entry_point="start_workflow",
            environment={
                "STATE_MACHINE_ARN": state_machine.state_machine_arn,
                "ORDER_DLQ_URL": self.order_dlq.queue_url,
            },
        )
        starter.allow("states:StartExecution", on=[state_machine.state_machine_arn])
        starter.allow("states:DescribeExecution", on=[self._acknowledged_executions_arn(starter, state_machine)])
        starter.allow("sqs:SendMessage", on=[self.order_dlq.queue_arn])
        starter.allow(
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            on=[self.order_queue.queue_arn],
        )
        # To receive, and to send to the DLQ ("Amazon SQS Key management").
        starter.allow_key("kms:Decrypt", "kms:GenerateDataKey", through="sqs")
        # Not SqsEventSource, which also grants what the poller never uses.
        mapping = lambda_.EventSourceMapping(
            self,
            "Orders",
            target=starter.function,
            event_source_arn=self.order_queue.queue_arn,
            batch_size=10,
            report_batch_item_failures=True,
            max_concurrency=settings.starter_max_concurrency,
        )
        Validations.of(mapping).acknowledge(
            Acknowledgment(
                id="Serverless-LambdaEventSourceMappingDestination",
                reason="Lambda takes none for a queue, which has its own: the order DLQ, after five deliveries.",
            )
        )
        return starter

    def _acknowledged_executions_arn(self, starter: OrderFunction, state_machine: sfn.StateMachine) -> str:
        logical_id = Stack.of(self).get_logical_id(cast(CfnElement, state_machine.node.default_child))
        Validations.of(starter.role).acknowledge(
            Acknowledgment(
                id=(
                    "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>"
                    f":execution:<{logical_id}.Name>:*]"
                ),
                reason="An execution is named after its order: of its ARN only the machine's part is known.",
            )
        )
        return Stack.of(self).format_arn(
            service="states",
            resource="execution",
            resource_name=f"{state_machine.state_machine_name}:*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
