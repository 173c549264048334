"""The way in: topic, queue, dead letters, and the function that starts an order's workflow."""

from typing import cast

from aws_cdk import Acknowledgment, ArnFormat, CfnElement, Stack, Validations
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.base import Base
from infra.pipeline.functions import OrderFunction
from infra.pipeline.publishers import Publishers
from infra.pipeline.queues import READER_TIMEOUT, dead_letter_queue, polled_queue
from infra.pipeline.workflow import OrderWorkflow
from infra.settings import Settings


class Ingestion(Construct):
    """Takes on published orders; what cannot be taken on ends in `order_dlq`, with its reason."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        base: Base,
        publishers: Publishers,
        workflow: OrderWorkflow,
    ) -> None:
        super().__init__(scope, construct_id)
        settings, key = base.settings, base.key
        self.order_dlq = dead_letter_queue(
            self,
            "OrderDlq",
            settings=settings,
            key=key,
            whose="the order queue's, the subscription's, and the starter's",
        )
        self.order_queue = polled_queue(
            self,
            "OrderQueue",
            settings=settings,
            key=key,
            dead_letters=self.order_dlq,
        )
        self.topic = self._order_topic(settings, key, publishers)
        self.start_workflow = self._create_starter(base, workflow)

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

    def _create_starter(
        self,
        base: Base,
        workflow: OrderWorkflow,
    ) -> OrderFunction:
        state_machine = workflow.state_machine
        # By the alias an execution gets the version in use. It keeps the machine's own ARN and name either way, by
        # which it is looked up ("How Step Functions associates executions with a version or alias").
        alias = {"STATE_MACHINE_ALIAS_ARN": workflow.alias_arn} if workflow.alias_arn else {}
        starter = OrderFunction(
            self,
            "StartWorkflow",
            base=base,
            folder="start_workflow",
            entry_point="start_workflow",
            environment={
                "STATE_MACHINE_ARN": state_machine.state_machine_arn,
                **alias,
                "ORDER_DLQ_URL": self.order_dlq.queue_url,
            },
            timeout=READER_TIMEOUT,
        )
        # Also for the alias: Step Functions holds a call against the machine's ARN ("Authorization for versions and
        # aliases").
        starter.allow("states:StartExecution", on=[state_machine.state_machine_arn])
        starter.allow("states:DescribeExecution", on=[self._acknowledged_executions_arn(starter, state_machine)])
        starter.allow("sqs:SendMessage", on=[self.order_dlq.queue_arn])
        # To receive, and to send to the DLQ ("Amazon SQS Key management").
        starter.allow_key("kms:Decrypt", "kms:GenerateDataKey", through="sqs")
        starter.poll(self, "Orders", queue=self.order_queue, max_concurrency=base.settings.starter_max_concurrency)
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
