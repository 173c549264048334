"""Probe of the account's quota that orders reach first."""

from collections.abc import Iterator
from typing import Final

from ops.doctor.probe import Finding, Probe
from ops.doctor.subject import Subject

# In prod Lambda may hand over fifteen batches at once, each order adds its steps, and retries come on top.
_ENOUGH_IN_PROD: Final = 100
_RAISE: Final = (
    "raise it in Service Quotas, AWS Lambda, Concurrent executions: run `aws service-quotas"
    " request-service-quota-increase --service-code lambda --quota-code L-B99A9384 --desired-value 1000`"
)


def judge_concurrency(subject: Subject) -> Finding:
    """Say whether Lambda runs as many functions at once as the stage's orders need.

    Needs lambda:GetAccountSettings.
    """
    limit = subject.stack.client("lambda").get_account_settings()["AccountLimit"]
    free = limit["UnreservedConcurrentExecutions"]  # what other functions of the account have not reserved
    text = f"Lambda runs up to {free} functions at once in this account"
    if free >= _ENOUGH_IN_PROD:
        return Finding.ok(text)
    if subject.stage == "prod":
        return Finding.wrong(f"{text}, and orders are throttled: prod needs {_ENOUGH_IN_PROD} or more", _RAISE)
    if free <= 0:
        return Finding.wrong(f"{text}: none of the stack's runs", _RAISE)
    return Finding.ok(f"{text}: enough to try it, and prod needs {_ENOUGH_IN_PROD}")


def examine_concurrency(subject: Subject) -> Iterator[Finding]:
    """Look at Lambda's quota of concurrent executions."""
    yield judge_concurrency(subject)


PROBES: Final = (
    Probe(
        id="A5",
        group="The account's quotas",
        asks="Lambda may run as many functions at once as orders need",
        ask=examine_concurrency,
        actions=("lambda:GetAccountSettings",),
        page="scaling.md",
    ),
)
