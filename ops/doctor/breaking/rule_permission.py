"""A rule's permission to call a function: a statement of the function's policy, taken away and given back."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from botocore.exceptions import ClientError

from ops.shell import quote_command

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


@dataclass(frozen=True)
class RulePermission:
    """The permission, as lambda:AddPermission takes it."""

    parameters: Mapping[str, str]

    @classmethod
    def find(cls, client: "LambdaClient", function: str, qualifier: str, rule: str) -> Self | None:
        """Find the rule's permission in the function's policy; None if it has none that could be given back as it is.

        https://docs.aws.amazon.com/lambda/latest/api/API_GetPolicy.html
        """
        try:
            policy = json.loads(client.get_policy(FunctionName=function, Qualifier=qualifier)["Policy"])
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":  # nobody may call it
                raise
            return None
        for statement in policy["Statement"]:
            source, account = _read_source(statement)
            if source and source.rpartition("/")[2] == rule:
                parameters = {
                    "FunctionName": function,
                    "Qualifier": qualifier,
                    "StatementId": statement["Sid"],
                    "Action": statement["Action"],
                    "Principal": statement["Principal"]["Service"],
                    "SourceArn": source,
                }
                return cls(parameters | ({"SourceAccount": account} if account else {}))
        return None

    def take_away(self, client: "LambdaClient") -> None:
        """Remove it."""
        wanted = {name: self.parameters[name] for name in ("FunctionName", "Qualifier", "StatementId")}
        client.remove_permission(**wanted)

    def give_back(self, client: "LambdaClient") -> bool:
        """Add it under the id it had, by which CloudFormation knows it; it may never have been removed."""
        try:
            client.add_permission(**self.parameters)  # type: ignore[arg-type]  # the parameters by name
        except ClientError:
            if not self.is_there(client):
                raise
        return True

    def is_there(self, client: "LambdaClient") -> bool:
        """Whether the function's policy holds it."""
        rule = self.parameters["SourceArn"].rpartition("/")[2]
        return self.find(client, self.parameters["FunctionName"], self.parameters["Qualifier"], rule) == self

    def write_command(self, region: str) -> str:
        """Give the command that adds it."""
        return quote_command(
            f"aws --region {region} lambda add-permission --cli-input-json", json.dumps(self.parameters)
        )


def _read_source(statement: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Read the ARN and the account of the source that a statement allows, and nothing if it says more than these.

    AWS writes the keys in either case.
    """
    operators = {"ArnLike": "aws:sourcearn", "ArnEquals": "aws:sourcearn", "StringEquals": "aws:sourceaccount"}
    said = {
        key.lower(): value
        for operator, keys in statement.get("Condition", {}).items()
        for key, value in keys.items()
        if operators.get(operator) == key.lower()
    }
    is_plain = len(said) == sum(map(len, statement.get("Condition", {}).values()))
    if statement["Effect"] != "Allow" or set(statement["Principal"]) != {"Service"} or not is_plain:
        return None, None
    return said.get("aws:sourcearn"), said.get("aws:sourceaccount")
