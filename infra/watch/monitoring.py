"""The alarms: each notifies the alarm topic and has a runbook."""

import re
from collections.abc import Iterable, Mapping

from aws_cdk import Acknowledgment, Duration, Stack, Validations
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.pipeline.functions import OrderFunction
from infra.pipeline.ingestion import Ingestion
from infra.pipeline.mail_events import MailTracking
from infra.pipeline.notifications import Notifications
from infra.pipeline.storage import Storage
from infra.pipeline.workflow import OrderWorkflow
from infra.settings import Settings
from infra.watch.dashboard import OrderDashboard
from infra.watch.metrics import PERIOD, make_metric

# SES's rates are of a number of mails that it chooses, not of a time; they move slowly.
REPUTATION_PERIOD = Duration.hours(1)


class Monitoring(Construct):
    """Alarms, the topic they notify, and the dashboard that shows them.

    Missing data never breaches: every metric here is silent while there is nothing to do. Only SES's rates hold until
    there is a new one.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        key: kms.IKey,
        ingestion: Ingestion,
        workflow: OrderWorkflow,
        storage: Storage,
        notifications: Notifications,
        mail_tracking: MailTracking,
    ) -> None:
        super().__init__(scope, construct_id)
        self._thresholds = settings.alarms
        self.alarms: dict[str, cloudwatch.AlarmBase] = {}
        self._action = actions.SnsAction(self._alarm_topic(settings, key))

        # Each order passes the first three; the others are for those that end otherwise.
        common_steps = {
            "UpdateOrder": workflow.update_order,
            "ReserveInventory": workflow.reserve_inventory,
            "SendEmail": notifications.send_email,
        }
        steps = common_steps | {"RejectOrder": workflow.reject_order, "ReleaseInventory": workflow.release_inventory}
        others = {
            "StartWorkflow": ingestion.start_workflow,
            "ReleaseAbandoned": workflow.release_abandoned,
            "TrackEmail": mail_tracking.track_email,
        }
        self._watch_queues(ingestion, workflow, mail_tracking)
        self._watch_executions(workflow)
        if settings.combines_alarms:
            self._watch_starter()
            self._watch_steps(steps, common_steps)
            self._watch_functions(others)
            self._watch_throttles(steps | others, storage)
            self._watch_the_flow()
        if mail_tracking.configuration_set:
            self._watch_reputation(mail_tracking.configuration_set)

        OrderDashboard(
            self,
            "Dashboard",
            alarms=list(self.alarms.values()),
            ingestion=ingestion,
            workflow=workflow,
            notifications=notifications,
            mail_tracking=mail_tracking,
            functions=steps | others,
        )

    def _alarm_topic(self, settings: Settings, key: kms.IKey) -> sns.Topic:
        # The key's policy lets CloudWatch use it; without that every alarm would be lost silently.
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
                    reason="An alarm whose mail is lost is still shown in CloudWatch and on the dashboard.",
                )
            )
        return topic

    def _watch_queues(self, ingestion: Ingestion, workflow: OrderWorkflow, mail_tracking: MailTracking) -> None:
        for alarm_id, queue, what in (
            ("OrderDlqNotEmpty", ingestion.order_dlq, "Messages were refused, or their orders could not be started."),
            ("ReleaseDlqNotEmpty", workflow.release_dlq, "Orders whose executions ended badly were not closed."),
            ("MailEventDlqNotEmpty", mail_tracking.dlq, "Events about mails could not be recorded."),
        ):
            self._create_alarm(
                alarm_id,
                queue.metric_approximate_number_of_messages_visible(statistic="Maximum", period=PERIOD),
                threshold=self._thresholds.dead_letters,
                description=what,
            )
        self._create_alarm(
            "OldestOrderWaits",
            ingestion.order_queue.metric_approximate_age_of_oldest_message(statistic="Maximum", period=PERIOD),
            threshold=self._thresholds.oldest_order_seconds,
            description=f"An order has waited {self._thresholds.oldest_order_seconds} seconds in the queue.",
        )

    def _watch_executions(self, workflow: OrderWorkflow) -> None:
        machine = workflow.state_machine
        for alarm_id, metric, what in (
            ("ExecutionsFailed", machine.metric_failed(period=PERIOD), "An order or its mail has failed permanently."),
            ("ExecutionsTimedOut", machine.metric_timed_out(period=PERIOD), "An order's execution took over a day."),
        ):
            self._create_alarm(alarm_id, metric, threshold=self._thresholds.unfinished_executions, description=what)
        self._create_alarm(
            "ExecutionsThrottled",
            machine.metric_throttled(period=PERIOD),
            threshold=self._thresholds.throttles,
            periods=self._thresholds.throttled_periods,
            description="Step Functions delays state transitions: the account's quota is used up.",
        )

    def _watch_starter(self) -> None:
        """Orders that the starter leaves in the queue: no error of the function and no old message shows them."""
        taken = {name: make_metric(self, f"Orders{name.capitalize()}") for name in ("accepted", "duplicate", "refused")}
        handed = {"left": make_metric(self, "OrdersLeft"), **taken}
        enough = f"{_sum_metrics(['left'])} >= {self._thresholds.starter_min_left}"
        self._create_alarm(
            "StarterFailing",
            cloudwatch.MathExpression(
                expression=f"IF({enough}, 100 * {_sum_metrics(['left'])} / ({_sum_metrics(handed)}), 0)",
                using_metrics=handed,
                period=PERIOD,
                label="orders that stayed in the queue, %",
            ),
            threshold=self._thresholds.starter_fault_percent,
            periods=self._thresholds.starter_fault_periods,
            description=f"The starter leaves {self._thresholds.starter_fault_percent} % or more orders in the queue.",
        )

    def _watch_steps(self, steps: Mapping[str, OrderFunction], common: Mapping[str, OrderFunction]) -> None:
        """Faults of the steps: Lambda also counts the exceptions that are a step's answer, so those are subtracted."""
        errors = {f"{_to_snake_case(name)}_errors": step.function.metric_errors() for name, step in steps.items()}
        calls = {f"{_to_snake_case(name)}_calls": step.function.metric_invocations() for name, step in common.items()}
        faults = f"({_sum_metrics(errors)} - FILL(answered, 0))"
        enough = f"{_sum_metrics(calls)} >= {self._thresholds.step_min_invocations}"
        self._create_alarm(
            "StepsFailing",
            cloudwatch.MathExpression(
                expression=f"IF({enough}, 100 * {faults} / ({_sum_metrics(calls)}), 0)",
                using_metrics={**errors, **calls, "answered": make_metric(self, "StepsAnswered")},
                period=PERIOD,
                label="calls of steps that failed, %",
            ),
            threshold=self._thresholds.step_fault_percent,
            periods=self._thresholds.step_fault_periods,
            description=f"At least {self._thresholds.step_fault_percent} % of the workflow's function calls fail.",
        )

    def _watch_functions(self, functions: Mapping[str, OrderFunction]) -> None:
        errors = {f"{_to_snake_case(name)}_errors": item.function.metric_errors() for name, item in functions.items()}
        self._create_alarm(
            "FunctionsFailing",
            cloudwatch.MathExpression(
                expression=_sum_metrics(errors), using_metrics=errors, period=PERIOD, label="failed calls"
            ),
            threshold=self._thresholds.function_errors,
            description=f"{', '.join(functions)}: {self._thresholds.function_errors} calls or more failed.",
        )

    def _watch_throttles(self, functions: Mapping[str, OrderFunction], storage: Storage) -> None:
        of_functions = {_to_snake_case(name): item.function.metric_throttles() for name, item in functions.items()}
        # Not ThrottledRequests: it exists only per TableName *and* Operation, these two per TableName ("DynamoDB
        # metrics and dimensions" in its developer guide).
        of_tables = {
            f"{name}_{kind.lower()}s": table.metric(f"{kind}ThrottleEvents", statistic="Sum")
            for name, table in (("orders", storage.orders), ("inventory", storage.inventory))
            for kind in ("Read", "Write")
        }
        for alarm_id, metrics, what in (
            ("FunctionsThrottled", of_functions, "Functions are throttled: the account's concurrency is used up."),
            ("TablesThrottled", of_tables, "DynamoDB throttles a table: a hot key, or a quota."),
        ):
            self._create_alarm(
                alarm_id,
                cloudwatch.MathExpression(
                    expression=_sum_metrics(metrics), using_metrics=metrics, period=PERIOD, label="throttles"
                ),
                threshold=self._thresholds.throttles,
                periods=self._thresholds.throttled_periods,
                description=what,
            )

    def _watch_reputation(self, configuration_set: str) -> None:
        """Bounces and complaints as SES counts them, as fractions.

        "Creating reputation monitoring alarms" has `ignore` for missing data: while no mail is sent there is no new
        rate, and the last one still counts for SES.
        """
        for alarm_id, metric_name, threshold, what in (
            ("MailsBouncing", "BounceRate", self._thresholds.mail_bounce_rate, "Too many mails bounce"),
            (
                "MailsComplained",
                "ComplaintRate",
                self._thresholds.mail_complaint_rate,
                "Too many mails are reported as spam",
            ),
        ):
            self._create_alarm(
                alarm_id,
                cloudwatch.Metric(
                    namespace="AWS/SES",
                    metric_name=f"Reputation.{metric_name}",
                    dimensions_map={"ses:configuration-set": configuration_set},
                    statistic="Maximum",
                    period=REPUTATION_PERIOD,
                ),
                threshold=threshold,
                description=f"{what} ({100 * threshold:g} % or more): SES may stop the account from sending.",
                missing_data=cloudwatch.TreatMissingData.IGNORE,
            )

    def _watch_the_flow(self) -> None:
        """One alarm for orders that do not get through, whatever the cause."""
        causes = ("OldestOrderWaits", "StarterFailing", "StepsFailing", "FunctionsFailing")
        alarm = cloudwatch.CompositeAlarm(
            self,
            "OrdersNotFlowing",
            composite_alarm_name=self._name_alarm("OrdersNotFlowing"),
            alarm_rule=cloudwatch.AlarmRule.any_of(*(self.alarms[cause] for cause in causes)),
            alarm_description=_describe_alarm("OrdersNotFlowing", "Orders arrive and do not finish."),
        )
        self._notify("OrdersNotFlowing", alarm)

    def _create_alarm(
        self,
        alarm_id: str,
        metric: cloudwatch.IMetric,
        *,
        threshold: float,
        description: str,
        periods: int = 1,
        missing_data: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING,
    ) -> None:
        alarm = cloudwatch.Alarm(
            self,
            alarm_id,
            alarm_name=self._name_alarm(alarm_id),
            metric=metric,
            threshold=threshold,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            evaluation_periods=periods,
            treat_missing_data=missing_data,
            alarm_description=_describe_alarm(alarm_id, description),
        )
        self._notify(alarm_id, alarm)

    def _name_alarm(self, alarm_id: str) -> str:
        """Name it after the stack, as the key's policy expects, and after its page in docs/runbooks/."""
        return f"{Stack.of(self).stack_name}-{alarm_id}"

    def _notify(self, alarm_id: str, alarm: cloudwatch.AlarmBase) -> None:
        alarm.add_alarm_action(self._action)
        self.alarms[alarm_id] = alarm


def _describe_alarm(alarm_id: str, sentence: str) -> str:
    return f"{sentence} Runbook: docs/runbooks/{alarm_id}.md"


def _sum_metrics(metric_ids: Iterable[str]) -> str:
    """A sum in CloudWatch's syntax; a metric without data counts as zero instead of leaving the sum without data."""
    return " + ".join(f"FILL({metric_id}, 0)" for metric_id in metric_ids)


def _to_snake_case(name: str) -> str:
    """`UpdateOrder` as `update_order`: a metric's id begins with a small letter."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
