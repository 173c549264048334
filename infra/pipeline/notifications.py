"""The mail that confirms an order: the sender's identity in SES and the function that sends."""

from aws_cdk import Acknowledgment, RemovalPolicy, Stack, Validations
from aws_cdk import aws_ses as ses
from constructs import Construct

from infra.base import Base
from infra.pipeline.functions import OrderFunction
from infra.pipeline.storage import Storage
from infra.settings import Settings


class Notifications(Construct):
    """SendEmail and the address it sends from."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        base: Base,
        storage: Storage,
        configuration_set: str | None,
    ) -> None:
        super().__init__(scope, construct_id)
        settings = base.settings
        if settings.create_sender_identity:
            identity = ses.EmailIdentity(self, "Sender", identity=ses.Identity.email(settings.sender_email))
            # Another stage may send from it. A first deploy that is rolled back deletes it, and can be repeated.
            identity.apply_removal_policy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)
        self.send_email = OrderFunction(
            self,
            "SendEmail",
            base=base,
            folder="send_email",
            entry_point="send_confirmation",
            environment={
                "ORDERS_TABLE": storage.orders.table_name,
                "SENDER_EMAIL": settings.sender_email,
                **({"CONFIGURATION_SET": configuration_set} if configuration_set else {}),
            },
        )
        self.send_email.allow("dynamodb:UpdateItem", on=[storage.orders.table_arn])
        self.send_email.allow_key("kms:Decrypt", through="dynamodb")
        self.send_email.allow(
            "ses:SendEmail",
            on=self._identity_arns(settings),
            conditions={"StringEquals": {"ses:FromAddress": settings.sender_email}},
        )
        if configuration_set:
            # SES asks for both. From whom, the permission on the identity says.
            self.send_email.allow("ses:SendEmail", on=[self._make_arn("configuration-set", configuration_set)])

    def _identity_arns(self, settings: Settings) -> list[str]:
        if settings.ses_sandbox:
            return [self._acknowledged_sandbox_arn()]
        if settings.create_sender_identity:
            return [self._make_arn("identity", settings.sender_email)]
        # The sender was verified as an address or as its whole domain; SES checks against the one that exists.
        return [
            self._make_arn("identity", name) for name in (settings.sender_email, settings.sender_email.split("@")[1])
        ]

    def _acknowledged_sandbox_arn(self) -> str:
        Validations.of(self.send_email.role).acknowledge(
            Acknowledgment(
                id="AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ses:<AWS::Region>:<AWS::AccountId>:identity/*]",
                reason=(
                    "In its sandbox SES authorises ses:SendEmail against each recipient's identity too, and"
                    " those are not known here. The condition on ses:FromAddress keeps the sender to ours."
                ),
            )
        )
        return self._make_arn("identity", "*")

    def _make_arn(self, kind: str, name: str) -> str:
        return Stack.of(self).format_arn(service="ses", resource=kind, resource_name=name)
