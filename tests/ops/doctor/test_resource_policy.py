"""A resource's policy is decided as IAM decides it."""

import json
from typing import Any

import pytest

from ops.doctor.looking.resource_policy import (
    Request,
    UnknownCondition,
    is_allowed,
    join_policies,
    match_arn,
    read_principals,
)

SERVICE = {"Service": "sns.amazonaws.com"}
ARN = "arn:aws:sns:eu-west-1:123456789012:orders"
BASE = {"Effect": "Allow", "Principal": SERVICE, "Action": "kms:Decrypt", "Resource": "*"}


def decide(*statements: Any, principal: str = "sns.amazonaws.com", **context: str) -> bool:
    named = {"aws:SourceArn": ARN, **context}
    return is_allowed(
        json.dumps({"Statement": list(statements)}), Request(principal, "kms:Decrypt", "arn:a:b:c:d:e", named)
    )


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        ({}, True),
        ({"Principal": "*"}, True),
        ({"Principal": {"AWS": "*"}}, True),
        ({"Principal": {"Service": ["events.amazonaws.com", "sns.amazonaws.com"]}}, True),
        ({"Principal": {"Service": "events.amazonaws.com"}}, False),
        ({"Action": ["kms:Encrypt", "KMS:dec*"]}, True),
        ({"Action": "kms:Encrypt"}, False),
        ({"Resource": "arn:a:b:c:d:f"}, False),
        ({"Condition": {"ArnLike": {"AWS:sourcearn": ["arn:x", "arn:*:sns:*:*:ord?rs"]}}}, True),
        ({"Condition": {"ArnEquals": {"aws:SourceArn": ARN}}}, True),
        ({"Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:sns:eu-west-1:1*:others"}}}, False),
        ({"Condition": {"StringEquals": {"aws:SourceArn": "arn:aws:sns:*"}}}, False),
        ({"Condition": {"StringLike": {"aws:SourceArn": "arn:aws:sns:*"}}}, True),
        ({"Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}}}, False),
        ({"Condition": {"ArnLike": {"aws:SourceArn": ARN}, "StringEquals": {"aws:other": "x"}}}, False),
    ],
)
def test_a_statement_applies_where_all_of_it_matches(changes: dict[str, Any], allowed: bool) -> None:
    assert decide(BASE | changes) is allowed


def test_a_denial_outweighs_what_allows() -> None:
    assert decide(BASE, BASE | {"Effect": "Deny", "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:sqs:*:*:*"}}})
    assert not decide(BASE, BASE | {"Effect": "Deny"})


def test_what_hangs_on_an_unknown_condition_is_not_guessed() -> None:
    unknown = BASE | {"Sid": "Odd", "Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}
    with pytest.raises(UnknownCondition, match="statement Odd has a condition IpAddress"):
        decide(unknown)
    assert not decide(unknown, principal="events.amazonaws.com")


@pytest.mark.parametrize("element", ["Action", "Principal", "Resource"])
def test_what_names_what_it_is_not_for_is_not_guessed(element: str) -> None:
    negated = {name: value for name, value in BASE.items() if name != element} | {f"Not{element}": BASE[element]}
    with pytest.raises(UnknownCondition, match=f"statement without a name has a Not{element}"):
        decide(negated)
    with pytest.raises(UnknownCondition, match=f"Not{element}"):
        read_principals(json.dumps({"Statement": negated}), "kms:Decrypt")


def test_what_names_what_it_is_not_for_may_be_for_others() -> None:
    assert decide(BASE, {"Effect": "Deny", "Principal": {"AWS": "arn:1"}, "NotAction": "kms:*", "Resource": "*"})
    assert decide(BASE, {"Effect": "Deny", "Principal": "*", "NotAction": "kms:*", "Resource": "arn:a:b:c:d:f"})


def test_a_roles_policies_count_together() -> None:
    request = Request("", "kms:Decrypt", "arn:a:b:c:d:e", {})
    allow = {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}
    assert is_allowed(join_policies([{"Statement": allow}]), request)
    denials = {"Statement": [allow | {"Effect": "Deny"}]}
    assert not is_allowed(join_policies([{"Statement": allow}, denials]), request)
    assert not is_allowed(join_policies([]), request)


def test_an_arns_parts_are_matched_one_by_one() -> None:
    """A `*` reaches to the next colon; only the last part has colons of its own."""
    group = "arn:aws:logs:eu-west-1:123456789012:log-group:orders:*"
    assert match_arn("arn:aws:logs:*:*:log-group:or*", group)
    assert not match_arn("arn:aws:logs:*:log-group:orders:*", group)
    assert not match_arn("arn:aws:logs*", group)
    assert not match_arn("arn:aws:logs:*:*:log-group:[o]rders:*", group)


def test_who_a_policy_allows_an_action_is_read_from_it() -> None:
    statements = [
        {"Effect": "Allow", "Principal": {"AWS": ["arn:1", "AIDAEXAMPLE"]}, "Action": "sns:Publish"},
        {"Effect": "Allow", "Principal": {"AWS": "arn:2"}, "Action": "sns:Subscribe"},
        {"Effect": "Deny", "Principal": {"AWS": "arn:3"}, "Action": "sns:*"},
    ]
    assert read_principals(json.dumps({"Statement": statements}), "sns:Publish") == {"arn:1"}
