"""The saga: the state machine, one function a step, and the way back for executions that were abandoned."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from aws_cdk import Acknowledgment, Duration, RemovalPolicy, Stack, Validations
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.encryption import DATA_KEY_REUSE
from infra.functions import OrderFunction
from infra.settings import Settings
from infra.storage import Storage

DEFINITION = Path(__file__).parent.parent / "statemachine" / "order_processing.asl.json"


class Workflow(Construct):
    """Processes one order an execution, and gives back what an execution that died had taken."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        layers: Sequence[lambda_.ILayerVersion],
        key: kms.IKey,
        storage: Storage,
        send_email: OrderFunction,
    ) -> None:
        super().__init__(scope, construct_id)
        orders = {"ORDERS_TABLE": storage.orders.table_name}
        both = orders | {"INVENTORY_TABLE": storage.inventory.table_name}

        def step(name: str, folder: str, entry_point: str, environment: Mapping[str, str]) -> OrderFunction:
            return OrderFunction(
                self,
                name,
                settings=settings,
                layers=layers,
                key=key,
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
            # As the caller, DynamoDB opens the table's own key, for reads and writes alike ("DynamoDB encryption at
            # rest": the event Decrypt).
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
        self.release_dlq = self._release_dlq(settings, key)
        self._release_abandoned_executions()

    def _state_machine(self, settings: Settings, key: kms.IKey, steps: Mapping[str, OrderFunction]) -> sfn.StateMachine:
        role = iam.Role(self, "StateMachineRole", assumed_by=iam.ServicePrincipal("states.amazonaws.com"))
        arns = {name: step.function.function_arn for name, step in steps.items()}
        role.add_to_policy(iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=list(arns.values())))
        Validations.of(role).acknowledge(
            Acknowledgment(
                id="AwsSolutions-IAM5[Resource::*]",
                reason=(
                    "What the CDK adds for log delivery (logs:CreateLogDelivery, …) and for tracing"
                    " (xray:PutTraceSegments, …) knows no resource; lambda:InvokeFunction names each function."
                ),
            )
        )
        return sfn.StateMachine(
            self,
            "StateMachine",
            state_machine_type=sfn.StateMachineType.STANDARD,
            definition_body=sfn.DefinitionBody.from_string(DEFINITION.read_text(encoding="utf-8")),
            definition_substitutions=arns,
            role=role,
            tracing_enabled=True,
            logs=sfn.LogOptions(
                destination=self._execution_log(settings, key),
                level=sfn.LogLevel.ALL,
                include_execution_data=False,  # it holds the customer's address
            ),
        )

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
        queue = sqs.Queue(
            self,
            "ReleaseDlq",
            retention_period=Duration.days(14),
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=key,
            data_key_reuse=DATA_KEY_REUSE,
            enforce_ssl=True,
            removal_policy=settings.removal_policy,
        )
        dead_letters = "It is a dead-letter queue: an EventBridge target's and an asynchronous invocation's."
        Validations.of(queue).acknowledge(
            Acknowledgment(id="AwsSolutions-SQS3", reason=dead_letters),
            Acknowledgment(id="Serverless-SQSRedrivePolicy", reason=dead_letters),
        )
        return queue

    def _release_abandoned_executions(self) -> None:
        """Call ReleaseAbandoned for every execution that ended without success, and lose no such call."""
        events.Rule(
            self,
            "AbandonedExecutions",
            description="Give back what an execution that failed, timed out or was aborted had taken",
            event_pattern=events.EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={
                    "stateMachineArn": [self.state_machine.state_machine_arn],
                    "status": ["FAILED", "TIMED_OUT", "ABORTED"],
                },
            ),
            targets=[
                # Until Lambda has the event, EventBridge keeps trying: these are its maxima.
                targets.LambdaFunction(
                    self.release_abandoned.function,
                    max_event_age=Duration.hours(24),
                    retry_attempts=185,
                    dead_letter_queue=self.release_dlq,
                )
            ],
        )
        # From there on Lambda tries. The L1, because the L2's destination grants more than the one action.
        self.release_abandoned.allow("sqs:SendMessage", on=[self.release_dlq.queue_arn])
        self.release_abandoned.allow_key("kms:Decrypt", "kms:GenerateDataKey", through="sqs")
        lambda_.CfnEventInvokeConfig(
            self,
            "ReleaseAbandonedInvocations",
            function_name=self.release_abandoned.function.function_name,
            qualifier="$LATEST",
            maximum_event_age_in_seconds=Duration.hours(6).to_seconds(),
            maximum_retry_attempts=2,
            destination_config=lambda_.CfnEventInvokeConfig.DestinationConfigProperty(
                on_failure=lambda_.CfnEventInvokeConfig.OnFailureProperty(destination=self.release_dlq.queue_arn)
            ),
        )
