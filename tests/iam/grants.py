"""What the deployed roles are granted, as IAM itself tells it, and how one grant is taken away."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from local.aws import LocalAws
from tests.iam.conftest import STACK


@dataclass(frozen=True)
class Grant:
    """One action on one resource, in one policy of a role."""

    role: str
    policy: str
    action: str
    resource: str

    def is_of(self, construct: str, action: str) -> bool:
        """Whether it is such an action (a pattern) of this construct's role, or of any for `*`."""
        return fnmatchcase(self.action, action) and (construct == "*" or f"{construct}Role" in self.role)

    def __str__(self) -> str:
        return f"{self.role.removeprefix(f'{STACK}-').split('Role')[0]}: {self.action} on {self.resource}"


def deployed_grants(aws: LocalAws) -> list[Grant]:
    """Every grant of the stack's roles."""
    iam = aws.client("iam")
    found = []
    for page in iam.get_paginator("list_roles").paginate():
        for role in (role["RoleName"] for role in page["Roles"] if role["RoleName"].startswith(STACK)):
            assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
            for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
                for statement in _document(aws, role, policy)["Statement"]:
                    found += [Grant(role, policy, *pair) for pair in _pairs(statement)]
    return sorted(found, key=str)


@contextmanager
def without(aws: LocalAws, *grants: Grant) -> Iterator[None]:
    """Take grants away, and give them back at the end of the block."""
    iam = aws.client("iam")
    with ExitStack() as give_back:
        for role, policy in {(grant.role, grant.policy) for grant in grants}:
            document = _document(aws, role, policy)
            whole = {"RoleName": role, "PolicyName": policy, "PolicyDocument": json.dumps(document)}
            gone = {(grant.action, grant.resource) for grant in grants if (grant.role, grant.policy) == (role, policy)}
            rest = [part for statement in document["Statement"] for part in _split(statement, gone)]
            give_back.callback(iam.put_role_policy, **whole)
            if rest:
                iam.put_role_policy(**whole | {"PolicyDocument": json.dumps(document | {"Statement": rest})})
            else:
                iam.delete_role_policy(RoleName=role, PolicyName=policy)
        yield


def _document(aws: LocalAws, role: str, policy: str) -> dict[str, Any]:
    document: dict[str, Any] = aws.client("iam").get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    return document


def _pairs(statement: dict[str, Any]) -> list[tuple[str, str]]:
    actions, resources = (
        value if isinstance(value, list) else [value] for value in (statement["Action"], statement["Resource"])
    )
    return [(action, resource) for action in actions for resource in resources]


def _split(statement: dict[str, Any], gone: set[tuple[str, str]]) -> list[dict[str, Any]]:
    return [
        {**statement, "Action": action, "Resource": resource}
        for action, resource in _pairs(statement)
        if (action, resource) not in gone
    ]
