"""The saga: the state machine, one function a step, and the compensation of abandoned executions."""

from collections.abc import Mapping
from typing import cast

from aws_cdk import Acknowledgment, CfnElement, Duration, Fn, RemovalPolicy, Stack, Validations
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.base import Base
from infra.paths import DEFINITION
from infra.pipeline.functions import LIVE, OrderFunction
from infra.pipeline.queues import dead_letter_queue
from infra.pipeline.storage import Storage
from infra.settings import Settings

# A new version of the workflow gets a tenth of the orders for so many minutes, and then all: StepsFailing looks at ten
# minutes, and metrics come a little late. An alarm meanwhile rolls it back.
CANARY_PERCENT = 10
CANARY_MINUTES = 15
ROLLED_BACK_BY = ("ExecutionsFailed", "ExecutionsTimedOut", "StepsFailing")


class OrderWorkflow(Construct):
    """Processes one order an execution, and gives back what an execution that died had taken."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        base: Base,
        storage: Storage,
        send_email: OrderFunction,
    ) -> None:
        super().__init__(scope, construct_id)
        settings, key = base.settings, base.key
        orders = {"ORDERS_TABLE": storage.orders.table_name}
        both = orders | {"INVENTORY_TABLE": storage.inventory.table_name}

        def step(name: str, folder: str, entry_point: str, environment: Mapping[str, str]) -> OrderFunction:
            return OrderFunction(
                self,
                name,
                base=base,
                folder=folder,
                entry_point=entry_point,
                environment=environment,
            )

        self.update_order = step("UpdateOrder", "update_order", "update_order", orders)
        self.reject_order = step("RejectOrder", "update_order", "reject_order", orders)
        self.reserve_inventory = step("ReserveInventory", "reserve_inventory", "reserve_inventory", both)
        self.release_inventory = step("ReleaseInventory", "reserve_inventory", "release_inventory", both)
        self.release_abandoned = step("ReleaseAbandoned", "reserve_inventory", "release_abandoned", both)
        for function in (self.update_order, self.reject_order):
            function.allow("dynamodb:UpdateItem", on=[storage.orders.table_arn])
        for function in (self.reserve_inventory, self.release_inventory, self.release_abandoned):
            # A TransactWriteItems of Updates is authorised as dynamodb:UpdateItem on each table in it.
            function.allow("dynamodb:UpdateItem", on=[storage.orders.table_arn, storage.inventory.table_arn])
        for function in (
            self.update_order,
            self.reject_order,
            self.reserve_inventory,
            self.release_inventory,
            self.release_abandoned,
        ):
            # DynamoDB decrypts the table's own key as the caller, for reads and writes alike ("DynamoDB encryption
            # at rest": the event Decrypt).
            function.allow_key("kms:Decrypt", through="dynamodb")

        self.state_machine = self._state_machine(
            settings,
            key,
            {
                "UpdateOrderFunctionArn": self.update_order,
                "RejectOrderFunctionArn": self.reject_order,
                "ReserveInventoryFunctionArn": self.reserve_inventory,
                "ReleaseInventoryFunctionArn": self.release_inventory,
                "SendEmailFunctionArn": send_email,
            },
        )
        self._live = self._publish() if settings.publishes_versions else None
        self.alias_arn = self._live[1].ref if self._live else None
        self.release_dlq = self._release_dlq(settings, key)
        self._release_abandoned_executions(settings)

    def _state_machine(self, settings: Settings, key: kms.IKey, steps: Mapping[str, OrderFunction]) -> sfn.StateMachine:
        role = iam.Role(self, "StateMachineRole", assumed_by=iam.ServicePrincipal("states.amazonaws.com"))
        # All versions, since an execution ends on those it began with; and the function itself, which executions call
        # that began before there were versions.
        callable_arns = [arn for step in steps.values() for arn in step.callable_arns]
        role.add_to_policy(iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=callable_arns))
        Validations.of(role).acknowledge(
            *(self._acknowledged_versions(step) for step in steps.values()),
            Acknowledgment(
                id="AwsSolutions-IAM5[Resource::*]",
                reason=(
                    "What the CDK adds for log delivery (logs:CreateLogDelivery, …) and for tracing"
                    " (xray:PutTraceSegments, …) knows no resource; lambda:InvokeFunction names each function."
                ),
            ),
        )
        return sfn.StateMachine(
            self,
            "StateMachine",
            state_machine_name=self._name_state_machine(),
            state_machine_type=sfn.StateMachineType.STANDARD,
            definition_body=sfn.DefinitionBody.from_string(self._read_definition()),
            definition_substitutions={name: step.pinned_arn for name, step in steps.items()},
            role=role,
            tracing_enabled=True,
            logs=sfn.LogOptions(
                destination=self._execution_log(settings, key),
                level=sfn.LogLevel.ALL,
                include_execution_data=False,  # it holds the customer's address
            ),
        )

    def _read_definition(self) -> str:
        """Give the file's text, with the partition that is deployed to: GovCloud and the China regions have their own.

        The file names `aws`, because asl-validator and cfn-lint refuse a substitution there.
        """
        return DEFINITION.read_text(encoding="utf-8").replace("arn:aws:", f"arn:{Stack.of(self).partition}:")

    def _acknowledged_versions(self, step: OrderFunction) -> Acknowledgment:
        logical_id = Stack.of(self).get_logical_id(cast(CfnElement, step.function.node.default_child))
        return Acknowledgment(
            id=f"AwsSolutions-IAM5[Resource::<{logical_id}.Arn>:*]",
            reason="An execution calls the version it began with, and which those are is not known here.",
        )

    def _name_state_machine(self) -> str:
        """Name it after the stack, with a part of its id: a stack that is created again gets a machine of another name.

        CloudFormation would name it by its logical id, alike in all stages. For 90 days an execution's name cannot
        be used again, and AWS does not say that it can be once its machine was deleted ("StartExecution").
        """
        stack = Stack.of(self)
        unique = Fn.select(0, Fn.split("-", Fn.select(2, Fn.split("/", stack.stack_id))))
        return f"{stack.stack_name}-{unique}"

    def shift_gradually(self, alarms: Mapping[str, cloudwatch.IAlarm]) -> None:
        """Give a new version a tenth of the orders, and after that all of them, unless one of `alarms` fires."""
        if self._live is None:
            raise TypeError("the state machine has no alias whose orders could be shifted")
        version, alias = self._live
        alias.deployment_preference = sfn.CfnStateMachineAlias.DeploymentPreferenceProperty(
            state_machine_version_arn=version.ref,
            type="CANARY",
            percentage=CANARY_PERCENT,
            interval=CANARY_MINUTES,
            # References, so that CloudFormation creates or changes an alarm before what it watches over.
            alarms=[alarms[alarm_id].alarm_name for alarm_id in ROLLED_BACK_BY],
        )

    def _publish(self) -> tuple[sfn.CfnStateMachineVersion, sfn.CfnStateMachineAlias]:
        """Number each definition, and point the alias that the starter uses to the newest."""
        version = sfn.CfnStateMachineVersion(
            self,
            "Version",
            state_machine_arn=self.state_machine.state_machine_arn,
            state_machine_revision_id=self.state_machine.state_machine_revision_id,
        )
        version.apply_removal_policy(RemovalPolicy.RETAIN)
        at_once = sfn.CfnStateMachineAlias.DeploymentPreferenceProperty(
            state_machine_version_arn=version.ref, type="ALL_AT_ONCE"
        )
        return version, sfn.CfnStateMachineAlias(self, "Live", name=LIVE, deployment_preference=at_once)

    def _execution_log(self, settings: Settings, key: kms.IKey) -> logs.LogGroup:
        # Under this prefix delivery needs no line of its own in the account's log resource policy, which is
        # limited in size. As it has a name it goes with the stack: kept, it would block the next deploy.
        return logs.LogGroup(
            self,
            "ExecutionLog",
            log_group_name=f"/aws/vendedlogs/states/{Stack.of(self).stack_name}",
            retention=settings.log_retention,
            removal_policy=RemovalPolicy.DESTROY,
            encryption_key=key,
        )

    def _release_dlq(self, settings: Settings, key: kms.IKey) -> sqs.Queue:
        whose = "an EventBridge target's and an asynchronous invocation's"
        queue = dead_letter_queue(self, "ReleaseDlq", settings=settings, key=key, whose=whose)
        Validations.of(queue).acknowledge(
            Acknowledgment(id="AwsSolutions-SQS3", reason=f"It is a dead-letter queue: {whose}.")
        )
        return queue

    def _release_abandoned_executions(self, settings: Settings) -> None:
        """Call ReleaseAbandoned for every execution that ended without success.

        Step Functions sends its events as best it can, so one may be missing. From EventBridge on none is lost.
        """
        machine = self.state_machine.state_machine_arn
        # Executions started by the alias carry the machine's own ARN too, as the API's examples show it. Were it the
        # alias's or the version's after all, none would be missed.
        qualified = [{"prefix": f"{machine}:"}] if settings.publishes_versions else []
        events.Rule(
            self,
            "AbandonedExecutions",
            description="Give back what an execution that failed, timed out or was aborted had taken",
            event_pattern=events.EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={
                    "stateMachineArn": [machine, *qualified],
                    "status": ["FAILED", "TIMED_OUT", "ABORTED"],
                },
            ),
            targets=[
                # Until Lambda has the event, EventBridge keeps trying: these are its maxima.
                targets.LambdaFunction(
                    self.release_abandoned.live,
                    max_event_age=Duration.hours(24),
                    retry_attempts=185,
                    dead_letter_queue=self.release_dlq,
                )
            ],
        )
        # From there on Lambda tries. The L1, because the L2's destination grants more than the one action.
        self.release_abandoned.allow("sqs:SendMessage", on=[self.release_dlq.queue_arn])
        self.release_abandoned.allow_key("kms:Decrypt", "kms:GenerateDataKey", through="sqs")
        invocations = lambda_.CfnEventInvokeConfig(
            self,
            "ReleaseAbandonedInvocations",
            function_name=self.release_abandoned.function.function_name,
            qualifier=LIVE if settings.publishes_versions else "$LATEST",
            maximum_event_age_in_seconds=Duration.hours(6).to_seconds(),
            maximum_retry_attempts=2,
            destination_config=lambda_.CfnEventInvokeConfig.DestinationConfigProperty(
                on_failure=lambda_.CfnEventInvokeConfig.OnFailureProperty(destination=self.release_dlq.queue_arn)
            ),
        )
        invocations.node.add_dependency(self.release_abandoned.live)
