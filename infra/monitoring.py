"""When somebody should look: the alarms, each of which tells the alarm topic."""

from aws_cdk import Acknowledgment, Duration, Stack, Validations
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.dashboard import OrderDashboard
from infra.functions import OrderFunction
from infra.ingestion import Ingestion
from infra.notifications import Notifications
from infra.settings import Settings
from infra.storage import Storage
from infra.workflow import Workflow

PERIOD = Duration.minutes(5)


class Monitoring(Construct):
    """Alarms, the topic they tell, and the dashboard they stand on.

    Missing data never breaches: every metric here is silent while there is nothing to do.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        key: kms.IKey,
        ingestion: Ingestion,
        workflow: Workflow,
        storage: Storage,
        notifications: Notifications,
    ) -> None:
        super().__init__(scope, construct_id)
        self._thresholds = settings.alarms
        self._alarms: list[cloudwatch.IAlarm] = []
        self._action = actions.SnsAction(self._alarm_topic(settings, key))

        self._watch_queues(ingestion, workflow)
        self._watch_executions(workflow)
        # These raise in the ordinary course of business; the others only when something is wrong.
        answering = {
            "UpdateOrder": workflow.update_order,
            "ReserveInventory": workflow.reserve_inventory,
            "SendEmail": notifications.send_email,
        }
        others = {
            "StartWorkflow": ingestion.start_workflow,
            "RejectOrder": workflow.reject_order,
            "ReleaseInventory": workflow.release_inventory,
            "ReleaseAbandoned": workflow.release_abandoned,
        }
        if settings.alarms_on_rates:
            for name, function in answering.items():
                self._watch_error_rate(name, function)
        for name, function in others.items():
            self._watch_errors(name, function)
        for name, function in (others | answering).items():
            self._watch_throttles(name, function)
        for name, table in (("Orders", storage.orders), ("Inventory", storage.inventory)):
            self._watch_table(name, table)

        OrderDashboard(
            self,
            "Dashboard",
            alarms=self._alarms,
            ingestion=ingestion,
            workflow=workflow,
            functions=others | answering,
        )

    def _alarm_topic(self, settings: Settings, key: kms.IKey) -> sns.Topic:
        # The key's policy lets CloudWatch use it; without that every alarm would be lost in silence.
        topic = sns.Topic(self, "AlarmTopic", master_key=key, enforce_ssl=True)
        # A policy replaces the topic's default one, by which the account's alarms could publish.
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AllowAlarms",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            )
        )
        if settings.alarm_email is not None:
            subscription = topic.add_subscription(subscriptions.EmailSubscription(settings.alarm_email))
            Validations.of(subscription).acknowledge(
                Acknowledgment(
                    id="Serverless-SNSRedrivePolicy",
                    reason="An alarm whose mail is lost still stands in CloudWatch and on the dashboard.",
                )
            )
        return topic

    def _watch_queues(self, ingestion: Ingestion, workflow: Workflow) -> None:
        dead_letters: tuple[tuple[str, sqs.Queue, str], ...] = (
            ("OrderDlqNotEmpty", ingestion.order_dlq, "Orders that were refused or could not be taken on"),
            (
                "ReleaseDlqNotEmpty",
                workflow.release_dlq,
                "Abandoned executions whose stock was not given back",
            ),
        )
        for construct_id, queue, what in dead_letters:
            self._alarm(
                construct_id,
                queue.metric_approximate_number_of_messages_visible(statistic="Maximum", period=PERIOD),
                threshold=self._thresholds.dead_letters,
                description=f"{what}: read them, and publish or release again.",
            )
        self._alarm(
            "OldestOrderWaits",
            ingestion.order_queue.metric_approximate_age_of_oldest_message(statistic="Maximum", period=PERIOD),
            threshold=self._thresholds.oldest_order_seconds,
            description="An order has waited this many seconds to be taken on: see StartWorkflow's log.",
        )

    def _watch_executions(self, workflow: Workflow) -> None:
        machine = workflow.state_machine
        for how, metric in (
            ("Failed", machine.metric_failed(period=PERIOD)),
            ("TimedOut", machine.metric_timed_out(period=PERIOD)),
            ("Aborted", machine.metric_aborted(period=PERIOD)),
        ):
            self._alarm(
                f"Executions{how}",
                metric,
                threshold=self._thresholds.unfinished_executions,
                description=(
                    f"An order's execution ended {how}: its history says where. Redrive it or publish the order again."
                ),
            )
        self._alarm(
            "ExecutionsThrottled",
            machine.metric_throttled(period=PERIOD),
            threshold=self._thresholds.throttles,
            description="Step Functions delays state transitions: the account's quota is used up.",
        )

    def _watch_errors(self, name: str, function: OrderFunction) -> None:
        self._alarm(
            f"{name}Errors",
            function.function.metric_errors(period=PERIOD),
            threshold=self._thresholds.function_errors,
            description=f"{name} failed more often than retries are for: see its log.",
        )

    def _watch_error_rate(self, name: str, function: OrderFunction) -> None:
        enough = self._thresholds.answering_function_min_invocations
        self._alarm(
            f"{name}Errors",
            cloudwatch.MathExpression(
                expression=f"IF(invocations >= {enough}, 100 * errors / invocations, 0)",
                using_metrics={
                    "errors": function.function.metric_errors(),
                    "invocations": function.function.metric_invocations(),
                },
                period=PERIOD,
                label=f"{name}: calls that failed, %",
            ),
            threshold=self._thresholds.answering_function_error_percent,
            evaluation_periods=2,
            description=f"Most calls of {name} fail: a fault, or many orders that cannot be met. See its log.",
        )

    def _watch_throttles(self, name: str, function: OrderFunction) -> None:
        self._alarm(
            f"{name}Throttles",
            function.function.metric_throttles(period=PERIOD),
            threshold=self._thresholds.throttles,
            description=f"{name} is throttled: the account's Lambda concurrency is used up.",
        )

    def _watch_table(self, name: str, table: dynamodb.Table) -> None:
        # Not ThrottledRequests: it exists only per TableName *and* Operation, these two per TableName ("DynamoDB
        # metrics and dimensions" in its developer guide).
        for kind in ("Read", "Write"):
            self._alarm(
                f"{name}{kind}Throttles",
                table.metric(f"{kind}ThrottleEvents", statistic="Sum", period=PERIOD),
                threshold=self._thresholds.throttles,
                description=f"{name} table, {kind.lower()}s: DynamoDB throttles, for a hot key or a quota.",
            )

    def _alarm(
        self,
        construct_id: str,
        metric: cloudwatch.IMetric,
        *,
        threshold: int,
        description: str,
        evaluation_periods: int = 1,
    ) -> None:
        alarm = cloudwatch.Alarm(
            self,
            construct_id,
            metric=metric,
            threshold=threshold,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            evaluation_periods=evaluation_periods,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=description,
        )
        alarm.add_alarm_action(self._action)
        self._alarms.append(alarm)
