"""One Lambda function of the pipeline, with a role that holds nothing but what it is given."""

from collections.abc import Mapping, Sequence

from aws_cdk import Acknowledgment, Duration, RemovalPolicy, Stack, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.assets import packaging
from infra.base import Base
from infra.pipeline.queues import BATCH

# The longest step of which no call is answered ends before it, after 56 s (functions/shared/aws.py); a Task of the
# state machine waits 60 s for the function, so that it has ended before it is tried again.
STEP_TIMEOUT = Duration.seconds(58)

LIVE = "live"  # the alias, of a function or the state machine, that points to the version now in use


class OrderFunction(Construct):
    """A function, its log group and its role; `allow` is the only way to add a permission.

    `live` is what events call, and `pinned_arn` what an execution calls: a version, which stays as it is while the
    execution runs. Without versions both are the function.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        base: Base,
        folder: str,
        entry_point: str,
        environment: Mapping[str, str],
        timeout: Duration = STEP_TIMEOUT,
    ) -> None:
        super().__init__(scope, construct_id)
        settings, self._key = base.settings, base.key
        self.log_group = logs.LogGroup(
            self,
            "Logs",
            retention=settings.log_retention,
            removal_policy=settings.removal_policy,
            encryption_key=base.key,
        )
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        self.function = lambda_.Function(
            self,
            "Function",
            # The emulator's own Python runtimes lose an exception's class, by which the workflow branches;
            # started by the asset's `bootstrap`, AWS's runtime client reports it.
            runtime=lambda_.Runtime.PROVIDED_AL2023 if settings.runs_locally else lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            code=(packaging.local_function_code if settings.runs_locally else packaging.function_code)(folder),
            handler=f"functions.{folder}.handler.{entry_point}",
            layers=base.layers,
            role=self.role,
            log_group=self.log_group,
            tracing=lambda_.Tracing.ACTIVE,
            timeout=timeout,
            memory_size=256,
            # CloudFormation fails on a function that equals its last published version. A rolled-back deployment leaves
            # such a version, outside the stack: the description makes the function differ (decision 10).
            description=None if settings.release is None else f"release {settings.release}",
            environment={
                "POWERTOOLS_SERVICE_NAME": Stack.of(self).stack_name,
                "POWERTOOLS_METRICS_NAMESPACE": "OrderProcessing",
                "POWERTOOLS_LOG_LEVEL": "INFO",
                **environment,
            },
            # Executions that began with a version still call it when the next one is there.
            current_version_options=lambda_.VersionOptions(removal_policy=RemovalPolicy.RETAIN),
        )
        self.live: lambda_.IFunction = self.function
        self.pinned_arn = self.function.function_arn
        self.callable_arns = [self.function.function_arn]
        if settings.publishes_versions:
            version = self.function.current_version
            self.live = lambda_.Alias(self, "Live", alias_name=LIVE, version=version)
            self.pinned_arn = version.function_arn
            self.callable_arns.append(f"{self.function.function_arn}:*")
        self.allow("logs:CreateLogStream", "logs:PutLogEvents", on=[self.log_group.log_group_arn])
        self._acknowledge_findings()

    def _acknowledge_findings(self) -> None:
        tested = "Python 3.13 is what the layer is built, and the functions are compiled and measured, for."
        Validations.of(self.function).acknowledge(
            Acknowledgment(id="AwsSolutions-L1", reason=tested),
            Acknowledgment(id="Serverless-LambdaLatestVersion", reason=tested),
            Acknowledgment(
                id="Serverless-LambdaDLQ",
                reason=(
                    "It would serve asynchronous calls alone. Step Functions and a queue's poller wait for an answer;"
                    " ReleaseAbandoned has an on-failure destination, which says more than a DLQ of the function's."
                ),
            ),
        )
        Validations.of(self.role).acknowledge(
            Acknowledgment(
                id="AwsSolutions-IAM5[Resource::*]",
                reason="xray:PutTraceSegments and PutTelemetryRecords, which tracing needs, know no resource.",
            )
        )

    def allow(self, *actions: str, on: Sequence[str], conditions: Mapping[str, object] | None = None) -> None:
        """Let the function do exactly `actions` on exactly the ARNs `on`."""
        self.role.add_to_policy(iam.PolicyStatement(actions=list(actions), resources=list(on), conditions=conditions))

    def allow_key(self, *actions: str, through: str) -> None:
        """Let AWS's service `through` do exactly `actions` with the key for the function, which itself never may."""
        stack = Stack.of(self)
        service = f"{through}.{stack.region}.{stack.url_suffix}"
        self.allow(*actions, on=[self._key.key_arn], conditions={"StringEquals": {"kms:ViaService": service}})

    def poll(self, scope: Construct, construct_id: str, *, queue: sqs.Queue, max_concurrency: int) -> None:
        """Have Lambda hand the queue's messages over in batches; what the function reports as failed comes back."""
        self.allow("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", on=[queue.queue_arn])
        # Not SqsEventSource, which also grants what the poller never uses.
        mapping = lambda_.EventSourceMapping(
            scope,
            construct_id,
            target=self.live,
            event_source_arn=queue.queue_arn,
            batch_size=BATCH,
            report_batch_item_failures=True,
            max_concurrency=max_concurrency,
        )
        Validations.of(mapping).acknowledge(
            Acknowledgment(
                id="Serverless-LambdaEventSourceMappingDestination",
                reason="Lambda takes none for a queue, which has its own: its DLQ, after the last delivery.",
            )
        )
