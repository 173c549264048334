"""Events of sent mails: SES notifies EventBridge, a queue keeps the event, a function records it."""

from aws_cdk import Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_ses as ses
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from functions.track_email.ses_events import SES_EVENTS
from infra.base import Base
from infra.pipeline.functions import OrderFunction
from infra.pipeline.queues import READER_TIMEOUT, dead_letter_queue, polled_queue
from infra.pipeline.storage import Storage


class MailTracking(Construct):
    """TrackEmail, its queue, and the configuration set by which SES reports on the mails sent with it.

    SES sends to EventBridge as best it can: an event may be missing, and the row then stays at SENT. From EventBridge
    on none is lost.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        base: Base,
        storage: Storage,
    ) -> None:
        super().__init__(scope, construct_id)
        settings, key = base.settings, base.key
        self.dlq = dead_letter_queue(
            self, "MailEventDlq", settings=settings, key=key, whose="the mail events' queue's and their rule's"
        )
        self.queue = polled_queue(
            self,
            "MailEvents",
            settings=settings,
            key=key,
            dead_letters=self.dlq,
        )
        self.track_email = OrderFunction(
            self,
            "TrackEmail",
            base=base,
            folder="track_email",
            entry_point="track_email",
            environment={"ORDERS_TABLE": storage.orders.table_name},
            timeout=READER_TIMEOUT,
        )
        self.track_email.allow("dynamodb:UpdateItem", on=[storage.orders.table_arn])
        self.track_email.allow_key("kms:Decrypt", through="dynamodb")
        self.track_email.allow_key("kms:Decrypt", through="sqs")
        self.track_email.poll(self, "Events", queue=self.queue, max_concurrency=settings.tracker_max_concurrency)
        self.configuration_set = self._configuration_set() if settings.sends_mail_events else None

    def _configuration_set(self) -> str:
        """Have SES report on every mail that is sent with it; returns its name."""
        name = ses.CfnConfigurationSet(
            self,
            "ConfigurationSet",
            name=Stack.of(self).stack_name,
            # For the alarms: the rates of this set's mails alone; the account may send others.
            reputation_options=ses.CfnConfigurationSet.ReputationOptionsProperty(reputation_metrics_enabled=True),
            # An address that bounced or complained gets no second mail, which would cost reputation and reach nobody.
            suppression_options=ses.CfnConfigurationSet.SuppressionOptionsProperty(
                suppressed_reasons=["BOUNCE", "COMPLAINT"]
            ),
            # Everything here is encrypted, and mails are no exception: a server without TLS gets none.
            delivery_options=ses.CfnConfigurationSet.DeliveryOptionsProperty(tls_policy="REQUIRE"),
        ).ref
        ses.CfnConfigurationSetEventDestination(
            self,
            "ToEventBridge",
            configuration_set_name=name,
            event_destination=ses.CfnConfigurationSetEventDestination.EventDestinationProperty(
                enabled=True,
                matching_event_types=[event.ses_name for event in SES_EVENTS],
                event_bridge_destination=ses.CfnConfigurationSetEventDestination.EventBridgeDestinationProperty(
                    event_bus_arn=events.EventBus.from_event_bus_name(self, "DefaultBus", "default").event_bus_arn
                ),
            ),
        )
        self._to_queue(name)
        return name

    def _to_queue(self, configuration_set: str) -> None:
        rule = events.Rule(
            self,
            "MailChanged",
            description="Keep what became of the mails of this stack",
            event_pattern=events.EventPattern(
                source=["aws.ses"],
                detail_type=[event.detail_type for event in SES_EVENTS],
                detail={"mail": {"tags": {"ses:configuration-set": [configuration_set]}}},
            ),
            targets=[
                # Imported by its ARN: else the target would let every rule of the account send, and more than send.
                targets.SqsQueue(
                    sqs.Queue.from_queue_arn(self, "Reference", self.queue.queue_arn),
                    max_event_age=Duration.hours(24),
                    retry_attempts=185,
                    dead_letter_queue=self.dlq,
                )
            ],
        )
        self.queue.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AllowRule",
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[self.queue.queue_arn],
                conditions={"ArnEquals": {"aws:SourceArn": rule.rule_arn}},
            )
        )
