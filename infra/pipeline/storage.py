"""The orders, whose rows are the ledger, the stock they draw on, and every change to that stock by hand."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.settings import Settings


class Storage(Construct):
    """The tables. Every change of stock by an order is one transaction over `orders` and `inventory`.

    `stock_movements` is the operator's: no function may read or write it.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings, key: kms.IKey) -> None:
        super().__init__(scope, construct_id)
        self.orders = self._create_table("Orders", key_attribute="order_id", settings=settings, key=key)
        self.inventory = self._create_table("Inventory", key_attribute="item_id", settings=settings, key=key)
        self.stock_movements = self._create_table(
            "StockMovements", key_attribute="item_id", number_attribute="number", settings=settings, key=key
        )

    def _create_table(
        self,
        construct_id: str,
        *,
        key_attribute: str,
        number_attribute: str | None = None,
        settings: Settings,
        key: kms.IKey,
    ) -> dynamodb.Table:
        number = number_attribute and dynamodb.Attribute(name=number_attribute, type=dynamodb.AttributeType.NUMBER)
        return dynamodb.Table(
            self,
            construct_id,
            partition_key=dynamodb.Attribute(name=key_attribute, type=dynamodb.AttributeType.STRING),
            sort_key=number or None,
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=key,
            deletion_protection=settings.deletion_protection,
            # A protected table cannot be deleted, so a rollback of its creation must not try to: it would fail.
            removal_policy=RemovalPolicy.RETAIN if settings.deletion_protection else settings.removal_policy,
        )
