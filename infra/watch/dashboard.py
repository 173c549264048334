"""The flow of orders on one screen, read from left to right."""

from collections.abc import Mapping, Sequence

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.pipeline.functions import OrderFunction
from infra.pipeline.ingestion import Ingestion
from infra.pipeline.mail_events import MailTracking
from infra.pipeline.notifications import Notifications
from infra.pipeline.workflow import OrderWorkflow
from infra.watch.metrics import PERIOD, make_metric
from infra.watch.questions import PUBLISH_TO_MAIL

FULL_WIDTH = 24
PERCENTILES = ("p50", "p99")


class OrderDashboard(Construct):
    """Alarms, then one column per stage of the flow, then durations and the functions."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        alarms: Sequence[cloudwatch.IAlarm],
        ingestion: Ingestion,
        workflow: OrderWorkflow,
        notifications: Notifications,
        mail_tracking: MailTracking,
        functions: Mapping[str, OrderFunction],
    ) -> None:
        super().__init__(scope, construct_id)
        columns = {
            "1 · Orders in": self._orders_in(ingestion),
            "2 · Waiting": [*_waiting_metrics(ingestion), *self._business_metrics("OrdersLeft")],
            "3 · Running": _running_metrics(workflow),
            "4 · Settled": self._business_metrics("OrdersConfirmed", "OrdersRejected", "OrdersFailed"),
            "5 · Retries": [
                *self._business_metrics("StepsRetried"),
                _dead_letters(workflow.release_dlq, "release dead letters"),
            ],
            "6 · Mails": [
                *self._business_metrics("MailsSent", "MailsRefused", "MailsUnknown"),
                *self._business_metrics("MailsDelivered", "MailsBounced", "MailsComplained", "MailEventsLeft"),
                _dead_letters(mail_tracking.dlq, "mail event dead letters"),
            ],
        }
        width = FULL_WIDTH // len(columns)
        cloudwatch.Dashboard(
            self,
            "Resource",
            # With the region, since a dashboard's name exists once in an account ("PutDashboard").
            dashboard_name=f"{Stack.of(self).stack_name}-{Stack.of(self).region}",
            default_interval=Duration.hours(3),
            widgets=[
                [cloudwatch.AlarmStatusWidget(title="Alarms", alarms=alarms, width=FULL_WIDTH, height=4)],
                [_make_graph(title, metrics, width) for title, metrics in columns.items()],
                self._from_publish_to_mail(ingestion.start_workflow, notifications.send_email),
                [
                    _make_graph(
                        f"Function durations, {statistic}", _duration_metrics(functions, statistic), FULL_WIDTH // 3
                    )
                    for statistic in PERCENTILES
                ]
                + [_make_graph("Function errors", _error_metrics(functions), FULL_WIDTH // 3)],
            ],
        )

    def _orders_in(self, ingestion: Ingestion) -> list[cloudwatch.IMetric]:
        published = ingestion.topic.metric_number_of_messages_published(period=PERIOD, label="published")
        return [published, *self._business_metrics("OrdersAccepted", "OrdersDuplicate", "OrdersRefused")]

    def _business_metrics(self, *names: str) -> list[cloudwatch.IMetric]:
        return [make_metric(self, name, label=_split_words(name)) for name in names]

    def _from_publish_to_mail(self, starter: OrderFunction, mailer: OrderFunction) -> list[cloudwatch.IWidget]:
        """Both parts of an order's time as graphs; their sum, which no metric has, comes from the logs."""
        parts = {"From publish to start, seconds": "SecondsToStart", "From start to mail, seconds": "SecondsToMail"}
        return [
            cloudwatch.LogQueryWidget(
                title="From publish to mail",
                log_group_names=[starter.log_group.log_group_name, mailer.log_group.log_group_name],
                query_string=PUBLISH_TO_MAIL,
                view=cloudwatch.LogQueryVisualizationType.TABLE,
                width=FULL_WIDTH // 3,
                height=7,
            ),
            *(
                _make_graph(
                    title, [make_metric(self, name, statistic=p, label=p) for p in PERCENTILES], FULL_WIDTH // 3
                )
                for title, name in parts.items()
            ),
        ]


def _waiting_metrics(ingestion: Ingestion) -> list[cloudwatch.IMetric]:
    queue = ingestion.order_queue
    return [
        queue.metric_approximate_number_of_messages_visible(statistic="Maximum", period=PERIOD, label="in the queue"),
        queue.metric_approximate_age_of_oldest_message(statistic="Maximum", period=PERIOD, label="oldest, seconds"),
        _dead_letters(ingestion.order_dlq, "dead letters"),
    ]


def _dead_letters(queue: sqs.Queue, label: str) -> cloudwatch.IMetric:
    return queue.metric_approximate_number_of_messages_visible(statistic="Maximum", period=PERIOD, label=label)


def _running_metrics(workflow: OrderWorkflow) -> list[cloudwatch.IMetric]:
    machine = workflow.state_machine
    return [
        machine.metric_started(period=PERIOD, label="started"),
        machine.metric_succeeded(period=PERIOD, label="succeeded"),
        machine.metric_failed(period=PERIOD, label="failed"),
        machine.metric_aborted(period=PERIOD, label="stopped by a person"),
    ]


def _duration_metrics(functions: Mapping[str, OrderFunction], statistic: str) -> list[cloudwatch.IMetric]:
    return [
        item.function.metric_duration(statistic=statistic, period=PERIOD, label=name)
        for name, item in functions.items()
    ]


def _error_metrics(functions: Mapping[str, OrderFunction]) -> list[cloudwatch.IMetric]:
    return [item.function.metric_errors(period=PERIOD, label=name) for name, item in functions.items()]


def _make_graph(title: str, metrics: Sequence[cloudwatch.IMetric], width: int) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(
        title=title,
        left=metrics,
        left_y_axis=cloudwatch.YAxisProps(min=0, show_units=False),
        width=width,
        height=7,
    )


def _split_words(name: str) -> str:
    """`OrdersRefused` as `orders refused`."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
