"""What a resource's policy or a role's own allows, decided as IAM decides it, as far as this stack's policies go.

AWS has no call that does for a resource's: `iam:SimulatePrincipalPolicy` takes users and roles alone.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final


class UnknownCondition(Exception):
    """A statement that decides has a condition, or names what it is not for; the message names both."""


@dataclass(frozen=True)
class Request:
    """Who asks for what."""

    principal: str
    """A service such as sns.amazonaws.com, or the ARN of a role or of an account's root"""
    action: str
    resource: str
    context: Mapping[str, str]
    """The values of condition keys, such as aws:SourceArn; a key that is not here has no value"""


def is_allowed(policy: str, request: Request) -> bool:
    """Whether a statement of the policy allows it, and none denies it.

    Raises:
        UnknownCondition: it hangs on something that is not understood here.
    """
    statements = [
        statement for statement in _make_list(json.loads(policy)["Statement"]) if _applies(statement, request)
    ]
    return {statement["Effect"] for statement in statements} == {"Allow"}


def read_principals(policy: str, action: str) -> set[str]:
    """Give the accounts, roles and users that the policy allows an action, by their ARNs; conditions are not read.

    Raises:
        UnknownCondition: a statement names what it is not for.
    """
    allowing = [one for one in _make_list(json.loads(policy)["Statement"]) if one["Effect"] == "Allow"]
    for statement in allowing:
        _refuse_negations(statement)
    return {
        principal
        for statement in allowing
        if _matches_any(statement["Action"], action)
        for principal in _list_principals(statement)
        if principal.startswith("arn:")
    }


def join_policies(policies: Iterable[Mapping[str, Any]]) -> str:
    """Make one of a role's policies, as IAM takes them together; their statements name no principal."""
    return json.dumps({"Statement": [one for policy in policies for one in _make_list(policy["Statement"])]})


def match_arn(pattern: str, arn: str) -> bool:
    """Match as ArnLike and ArnEquals do, which are the same: each of the six parts by itself, with `*` and `?`."""
    patterns, parts = pattern.split(":", 5), arn.split(":", 5)
    return len(patterns) == len(parts) and all(map(_match_text, patterns, parts))


def _applies(statement: Mapping[str, Any], request: Request) -> bool:
    if "Principal" in statement and not {"*", request.principal} & {*_list_principals(statement)}:
        return False
    asked = {"Action": request.action, "Resource": request.resource}
    if not all(_matches_any(statement[element], value) for element, value in asked.items() if element in statement):
        return False
    _refuse_negations(statement)
    return all(
        _meets_condition(statement, operator, key, _make_list(wanted), request)
        for operator, keys in statement.get("Condition", {}).items()
        for key, wanted in keys.items()
    )


def _refuse_negations(statement: Mapping[str, Any]) -> None:
    if negations := sorted(_NEGATIONS & statement.keys()):
        raise UnknownCondition(f"statement {_name(statement)} has a {' and a '.join(negations)}")


def _name(statement: Mapping[str, Any]) -> str:
    return str(statement.get("Sid", "without a name"))


def _list_principals(statement: Mapping[str, Any]) -> list[str]:
    named = statement.get("Principal", {})
    return ["*"] if named == "*" else [name for names in named.values() for name in _make_list(names)]


def _matches_any(patterns: Any, value: str) -> bool:
    return any(_match_text(pattern.lower(), value.lower()) for pattern in _make_list(patterns))


def _meets_condition(
    statement: Mapping[str, Any], operator: str, key: str, wanted: Iterable[str], request: Request
) -> bool:
    if operator not in _OPERATORS:
        raise UnknownCondition(f"statement {_name(statement)} has a condition {operator}")
    context = {name.lower(): value for name, value in request.context.items()}
    value = context.get(key.lower())
    return value is not None and any(_OPERATORS[operator](pattern, value) for pattern in wanted)


def _match_text(pattern: str, text: str) -> bool:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, text, re.DOTALL) is not None


def _make_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


_NEGATIONS: Final = frozenset({"NotAction", "NotPrincipal", "NotResource"})
_OPERATORS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "ArnEquals": match_arn,
    "ArnLike": match_arn,
    "StringEquals": str.__eq__,
    "StringLike": _match_text,
}
