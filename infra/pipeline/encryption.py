"""The one key under which everything that holds orders, or speaks of them, is encrypted at rest."""

from collections.abc import Mapping, Sequence

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.pipeline.publishers import Publishers
from infra.settings import Settings

# How long SQS uses a data key without asking KMS. For that time a queue works on while KMS is down, and a revoked key
# still opens it: an hour, as long as the workflow's own retries. It also makes KMS's share of the cost negligible.
DATA_KEY_REUSE = Duration.hours(1)


class Encryption(Construct):
    """A customer-managed key with rotation, and who may use it for what.

    Its policy names sources by ARNs that are known beforehand, from the stack's name: a reference to a topic, rule or
    log group, each of which refers to the key, would close a circle.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings, publishers: Publishers) -> None:
        super().__init__(scope, construct_id)
        self._stack = Stack.of(self)
        key = kms.Key(
            self,
            "Key",
            description=f"{self._stack.stack_name}: topics, queues, tables and logs",
            enable_key_rotation=True,
            # Without the key all data under it is lost; this is the time to undo its deletion. KMS allows 7 to 30 days.
            pending_window=Duration.days(30 if settings.deletion_protection else 7),
            removal_policy=settings.removal_policy,
        )
        # To the others it is a key made elsewhere, since constructs that know it as this stack's write into its policy:
        # references that close the circle, and permissions wider than these.
        self.key: kms.IKey = kms.Key.from_key_arn(self, "Reference", key.key_arn)
        for statement in (
            self._delivery_to_queues(settings),
            *self._allow_publishers(settings, publishers),
            self._allow_alarms(),
            self._allow_events(),
            self._log_groups(),
        ):
            key.add_to_resource_policy(statement)

    def _delivery_to_queues(self, settings: Settings) -> iam.PolicyStatement:
        """SNS sends what was published to the order queue or the DLQ ("Amazon SQS Key management")."""
        return self._for_service(
            "AllowTopicToReachQueues", "sns.amazonaws.com", sources=[self._topic_arn(settings)], exactly=True
        )

    def _allow_publishers(self, settings: Settings, publishers: Publishers) -> list[iam.PolicyStatement]:
        """Let publishers use the key through SNS for that one topic, without a permission of their own on it."""
        conditions: dict[str, Mapping[str, object]] = {
            "StringEquals": {
                "kms:ViaService": f"sns.{self._stack.region}.{self._stack.url_suffix}",
                "kms:EncryptionContext:aws:sns:topicArn": self._topic_arn(settings),
            }
        }
        statements = []
        if publishers.accounts:
            of_accounts = {**conditions["StringEquals"], "kms:CallerAccount": list(publishers.accounts)}
            statements.append(
                self._allow_key_use(
                    "AllowPublishingAccounts", [iam.AnyPrincipal()], conditions | {"StringEquals": of_accounts}
                )
            )
        if publishers.roles:
            roles = [iam.ArnPrincipal(role) for role in publishers.roles]
            statements.append(self._allow_key_use("AllowPublishingRoles", roles, conditions))
        return statements

    def _allow_alarms(self) -> iam.PolicyStatement:
        """CloudWatch notifies the alarm topic ("Managing Amazon SNS encryption keys", on event sources)."""
        alarms = self._make_arn("cloudwatch", f"alarm:{self._stack.stack_name}-*")
        return self._for_service("AllowAlarms", "cloudwatch.amazonaws.com", sources=[alarms])

    def _allow_events(self) -> iam.PolicyStatement:
        """EventBridge sends mail events, and what it could not deliver, to queues.

        "Amazon SQS Key management" promises the rule's ARN of it and not the account, which is part of that ARN. A
        condition that is not met would lose events silently: the queue and its DLQ have the same key.
        """
        rules = self._make_arn("events", f"rule/{self._stack.stack_name}-*")
        return self._allow_key_use(
            "AllowEvents", [iam.ServicePrincipal("events.amazonaws.com")], {"ArnLike": {"aws:SourceArn": [rules]}}
        )

    def _log_groups(self) -> iam.PolicyStatement:
        """The statement of "Encrypt log data in CloudWatch Logs using AWS KMS", for this stack's log groups alone."""
        names = [f"{self._stack.stack_name}-*", f"/aws/vendedlogs/states/{self._stack.stack_name}"]
        groups = [self._make_arn("logs", f"log-group:{name}") for name in names]
        return iam.PolicyStatement(
            sid="AllowLogs",
            principals=[iam.ServicePrincipal(f"logs.{self._stack.region}.{self._stack.url_suffix}")],
            actions=["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
            resources=["*"],  # in a key's policy: this key
            conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
        )

    def _for_service(self, sid: str, service: str, *, sources: list[str], exactly: bool = False) -> iam.PolicyStatement:
        return self._allow_key_use(
            sid,
            [iam.ServicePrincipal(service)],
            {
                "StringEquals": {"aws:SourceAccount": self._stack.account},
                "ArnEquals" if exactly else "ArnLike": {"aws:SourceArn": sources},
            },
        )

    def _allow_key_use(
        self, sid: str, principals: Sequence[iam.IPrincipal], conditions: Mapping[str, object]
    ) -> iam.PolicyStatement:
        """Allow the two actions that SNS and SQS need from a sender: make a data key, and decrypt the current one."""
        return iam.PolicyStatement(
            sid=sid,
            principals=list(principals),
            actions=["kms:Decrypt", "kms:GenerateDataKey"],
            resources=["*"],  # in a key's policy: this key
            conditions=conditions,
        )

    def _topic_arn(self, settings: Settings) -> str:
        return self._make_arn("sns", settings.topic_name)

    def _make_arn(self, service: str, resource: str) -> str:
        return self._stack.format_arn(service=service, resource=resource, arn_format=ArnFormat.NO_RESOURCE_NAME)
