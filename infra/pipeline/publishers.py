"""Permission to publish orders, for the accounts and roles of the settings, or for this account."""

from dataclasses import dataclass
from typing import Self

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Publishers:
    """Accounts by id and roles by ARN."""

    accounts: tuple[str, ...]
    roles: tuple[str, ...]

    @classmethod
    def of(cls, scope: Construct, settings: Settings) -> Self:
        """The publishers of these settings; without any, the account that `scope` is deployed to."""
        named = settings.publishers or (Stack.of(scope).account,)
        return cls(
            accounts=tuple(name for name in named if not name.startswith("arn:")),
            roles=tuple(name for name in named if name.startswith("arn:")),
        )

    def policy(self, topic_arn: str) -> list[iam.PolicyStatement]:
        """Allow them to publish, and deny it to all others.

        The denial, because in a topic's own account a policy of the caller's would be enough.
        """
        others: dict[str, dict[str, list[str]]] = {}  # neither of such an account nor such a role
        if self.accounts:
            others["StringNotEquals"] = {"aws:PrincipalAccount": list(self.accounts)}
        if self.roles:
            others["ArnNotEquals"] = {"aws:PrincipalArn": list(self.roles)}
        return [
            iam.PolicyStatement(
                sid="AllowPublishers",
                principals=[
                    *(iam.AccountPrincipal(account) for account in self.accounts),
                    *(iam.ArnPrincipal(role) for role in self.roles),
                ],
                actions=["sns:Publish"],
                resources=[topic_arn],
            ),
            iam.PolicyStatement(
                sid="DenyOthers",
                effect=iam.Effect.DENY,
                principals=[iam.AnyPrincipal()],
                actions=["sns:Publish"],
                resources=[topic_arn],
                conditions=others,
            ),
        ]
