"""The orders, whose rows are the ledger, and the stock they draw on."""

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.settings import Settings


class Storage(Construct):
    """The two tables. What is not in one transaction of theirs did not happen."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings, key: kms.IKey) -> None:
        super().__init__(scope, construct_id)
        self.orders = self._table("Orders", key_attribute="order_id", settings=settings, key=key)
        self.inventory = self._table("Inventory", key_attribute="item_id", settings=settings, key=key)

    def _table(self, construct_id: str, *, key_attribute: str, settings: Settings, key: kms.IKey) -> dynamodb.Table:
        return dynamodb.Table(
            self,
            construct_id,
            partition_key=dynamodb.Attribute(name=key_attribute, type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=key,
            deletion_protection=settings.deletion_protection,
            removal_policy=settings.removal_policy,
        )
