"""The one stack: it wires, and decides nothing."""

from aws_cdk import CfnOutput, CliCredentialsStackSynthesizer, Stack
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra import packaging
from infra.encryption import Encryption
from infra.ingestion import Ingestion
from infra.monitoring import Monitoring
from infra.notifications import Notifications
from infra.publishers import Publishers
from infra.settings import Settings
from infra.storage import Storage
from infra.workflow import Workflow


class OrderProcessingStack(Stack):
    """Orders in by SNS; stock taken, orders settled and mails sent by Step Functions."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(
            scope,
            construct_id,
            description="Order processing: SNS and SQS in, a Step Functions saga over DynamoDB, SES out",
            termination_protection=settings.deletion_protection,
            # The emulator knows no roles to assume; on AWS the bootstrap's deploy roles are used.
            synthesizer=CliCredentialsStackSynthesizer() if settings.runs_locally else None,
        )
        layers = [] if settings.runs_locally else [self._dependencies()]
        publishers = Publishers.of(self, settings)
        key = Encryption(self, "Encryption", settings=settings, publishers=publishers).key
        storage = Storage(self, "Storage", settings=settings, key=key)
        notifications = Notifications(self, "Notifications", settings=settings, layers=layers, key=key, storage=storage)
        workflow = Workflow(
            self,
            "Workflow",
            settings=settings,
            layers=layers,
            key=key,
            storage=storage,
            send_email=notifications.send_email,
        )
        ingestion = Ingestion(
            self,
            "Ingestion",
            settings=settings,
            layers=layers,
            key=key,
            publishers=publishers,
            state_machine=workflow.state_machine,
        )
        Monitoring(
            self,
            "Monitoring",
            settings=settings,
            key=key,
            ingestion=ingestion,
            workflow=workflow,
            storage=storage,
            notifications=notifications,
        )
        self._outputs(storage, workflow, ingestion)

    def _dependencies(self) -> lambda_.LayerVersion:
        return lambda_.LayerVersion(
            self,
            "Dependencies",
            description="What the functions import, in the versions that were tested",
            code=packaging.dependencies_layer_code(),
            compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
            compatible_architectures=[lambda_.Architecture.ARM_64],
        )

    def _outputs(self, storage: Storage, workflow: Workflow, ingestion: Ingestion) -> None:
        """The contract with everything outside: these names stay as they are."""
        CfnOutput(self, "OrderTopicArn", value=ingestion.topic.topic_arn)
        CfnOutput(self, "OrderQueueUrl", value=ingestion.order_queue.queue_url)
        CfnOutput(self, "OrderDlqUrl", value=ingestion.order_dlq.queue_url)
        CfnOutput(self, "StateMachineArn", value=workflow.state_machine.state_machine_arn)
        CfnOutput(self, "OrdersTableName", value=storage.orders.table_name)
        CfnOutput(self, "InventoryTableName", value=storage.inventory.table_name)
