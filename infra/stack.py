"""The stack: it connects the constructs, and every decision is in them or in the settings."""

from collections.abc import Mapping

from aws_cdk import CfnOutput, CliCredentialsStackSynthesizer, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.assets import packaging
from infra.base import Base
from infra.pipeline.encryption import Encryption
from infra.pipeline.ingestion import Ingestion
from infra.pipeline.mail_events import MailTracking
from infra.pipeline.notifications import Notifications
from infra.pipeline.publishers import Publishers
from infra.pipeline.rollout import GradualShift
from infra.pipeline.storage import Storage
from infra.pipeline.workflow import OrderWorkflow
from infra.settings import Settings
from infra.watch.monitoring import Monitoring
from infra.watch.queries import SavedQueries


class OrderProcessingStack(Stack):
    """Orders in by SNS; stock taken, orders settled and mails sent by Step Functions; the mails' fate recorded."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings) -> None:
        super().__init__(
            scope,
            construct_id,
            description="Order processing: SNS and SQS in, a Step Functions saga over DynamoDB, SES out",
            termination_protection=settings.deletion_protection,
            # The emulator knows no roles to assume; on AWS the bootstrap's deploy roles are used.
            synthesizer=CliCredentialsStackSynthesizer() if settings.runs_locally else None,
        )
        layers = [] if settings.runs_locally else [self._create_layer()]
        publishers = Publishers.of(self, settings)
        key = Encryption(self, "Encryption", settings=settings, publishers=publishers).key
        base = Base(settings=settings, key=key, layers=layers)
        self._storage = Storage(self, "Storage", settings=settings, key=key)
        self._mail_tracking = MailTracking(self, "MailTracking", base=base, storage=self._storage)
        self._notifications = Notifications(
            self,
            "Notifications",
            base=base,
            storage=self._storage,
            configuration_set=self._mail_tracking.configuration_set,
        )
        self._workflow = OrderWorkflow(
            self,
            "Workflow",
            base=base,
            storage=self._storage,
            send_email=self._notifications.send_email,
        )
        self._ingestion = Ingestion(
            self,
            "Ingestion",
            base=base,
            publishers=publishers,
            workflow=self._workflow,
        )
        monitoring = Monitoring(
            self,
            "Monitoring",
            settings=settings,
            key=key,
            ingestion=self._ingestion,
            workflow=self._workflow,
            storage=self._storage,
            notifications=self._notifications,
            mail_tracking=self._mail_tracking,
        )
        if settings.shifts_gradually:
            self._shift_gradually(monitoring.alarms)
        if settings.saves_queries:
            self._save_queries()
        self._create_outputs(settings)

    def _create_layer(self) -> lambda_.LayerVersion:
        # Kept, as the functions' versions that import it are. Lambda says that they would keep a copy of it
        # ("DeleteLayerVersion"); that an order fails otherwise is too much to find out by trying.
        return lambda_.LayerVersion(
            self,
            "Dependencies",
            description="What the functions import, in the versions that were tested",
            code=packaging.dependencies_layer_code(),
            compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
            compatible_architectures=[lambda_.Architecture.ARM_64],
            removal_policy=RemovalPolicy.RETAIN,
        )

    def _shift_gradually(self, alarms: Mapping[str, cloudwatch.IAlarm]) -> None:
        """The workflow and each function are rolled back by the alarms that fire when they fail."""
        self._workflow.shift_gradually(alarms)
        failing = alarms["FunctionsFailing"]
        GradualShift(
            self,
            "Rollout",
            functions={
                "StartWorkflow": (self._ingestion.start_workflow, [failing, alarms["OldestOrderWaits"]]),
                "ReleaseAbandoned": (self._workflow.release_abandoned, [failing, alarms["ReleaseDlqNotEmpty"]]),
                "TrackEmail": (self._mail_tracking.track_email, [failing, alarms["MailEventDlqNotEmpty"]]),
            },
        )

    def _save_queries(self) -> None:
        starter, mailer = self._ingestion.start_workflow, self._notifications.send_email
        workflow = self._workflow
        steps = (
            *(workflow.update_order, workflow.reserve_inventory, mailer),
            *(workflow.reject_order, workflow.release_inventory),
        )
        SavedQueries(
            self,
            "Queries",
            steps=steps,
            others=(starter, workflow.release_abandoned, self._mail_tracking.track_email),
            starter=starter,
            mailer=mailer,
        )

    def _create_outputs(self, settings: Settings) -> None:
        """The contract with everything outside: these names stay as they are."""
        for name, value in {
            "OrderTopicArn": self._ingestion.topic.topic_arn,
            "OrderQueueUrl": self._ingestion.order_queue.queue_url,
            "OrderDlqUrl": self._ingestion.order_dlq.queue_url,
            "StateMachineArn": self._workflow.state_machine.state_machine_arn,
            "OrdersTableName": self._storage.orders.table_name,
            "InventoryTableName": self._storage.inventory.table_name,
            "StockMovementsTableName": self._storage.stock_movements.table_name,
            "ReleaseDlqUrl": self._workflow.release_dlq.queue_url,
            "MailEventQueueUrl": self._mail_tracking.queue.queue_url,
            "MailEventDlqUrl": self._mail_tracking.dlq.queue_url,
            "SendEmailFunctionArn": self._notifications.send_email.live.function_arn,
            "SenderEmail": settings.sender_email,
        }.items():
            CfnOutput(self, name, value=value)
