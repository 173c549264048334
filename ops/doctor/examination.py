"""Asks the probes one after another; an error of AWS is a verdict of its own, and ends that probe alone."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from functions.shared.errors import TransientError
from ops.doctor.errors import Absent, NotBegun
from ops.doctor.probe import Finding, Probe, Verdict
from ops.doctor.subject import Subject
from ops.errors import Refused, StackError
from ops.shell import carry_options, quote_command
from ops.stack import explain_error, is_refusal

_WORST_FIRST: Final = tuple(Verdict)
_LACKING: Final = re.compile(r"not authorized to perform: ([a-z0-9-]+:[A-Za-z]+)")
_THROTTLED: Final = frozenset(
    {
        *("LimitExceededException", "RequestThrottled", "ServiceUnavailable", "Throttled", "ThrottledException"),
        *("Throttling", "ThrottlingException", "TooManyRequestsException"),
    }
)
# What the stack still lists and AWS no longer has.
_GONE: Final = frozenset(
    {
        *("AWS.SimpleQueueService.NonExistentQueue", "NoSuchEntity", "NotFound", "NotFoundException"),
        *("QueueDoesNotExist", "ResourceNotFound", "ResourceNotFoundException", "StateMachineDoesNotExist"),
    }
)
# Half an answer, or one of another form than its documentation has: it ends its probe, and no other.
_ODD_ANSWERS: Final = (AttributeError, LookupError, TypeError, ValueError)


@dataclass(frozen=True)
class Examined:
    """A probe and what came of it."""

    probe: str
    """Its id, such as A3"""
    group: str
    """The heading it stands under"""
    asks: str
    """What it finds out"""
    verdict: Verdict
    """The worst of its findings"""
    findings: tuple[Finding, ...]
    """What it found, in the order in which it looked"""
    page: str
    """What explains it, from the documentation's folder"""


def examine_stack(probes: Iterable[Probe], subject: Subject, tell: Callable[[str], None]) -> Iterator[Examined]:
    """Begin all probes, ask each, and give what came of it at once; `tell` gets what is being asked.

    Those that begin with something wait at the same time: all of them take as long as the slowest.
    """
    probes = tuple(probes)
    kept = {probe.id: begin_probe(probe, subject) for probe in probes}
    for probe in probes:
        tell(f"{probe.id}: {probe.asks}")
        yield _sum_up(probe, kept[probe.id]) if kept[probe.id] else ask_probe(probe, subject)


def begin_probe(probe: Probe, subject: Subject) -> tuple[Finding, ...]:
    """Set off what a probe waits for; gives what kept it from that, or nothing."""
    begin = probe.begin
    if begin is None:
        return ()

    def set_off(subject: Subject) -> Iterator[Finding]:
        begin(subject)
        yield from ()

    return tuple(_collect_findings(replace(probe, ask=set_off), subject))


def ask_probe(probe: Probe, subject: Subject) -> Examined:
    """Ask one probe."""
    return _sum_up(probe, tuple(_collect_findings(probe, subject)))


def _sum_up(probe: Probe, found: tuple[Finding, ...]) -> Examined:
    """Sum it up; the commands in it name the account that was asked."""
    findings = tuple(
        replace(one, text=carry_options(one.text), remedy=one.remedy and carry_options(one.remedy)) for one in found
    )
    worst = min((finding.verdict for finding in findings), key=_WORST_FIRST.index)
    return Examined(probe.id, probe.group, probe.asks, worst, findings, probe.page)


def _collect_findings(probe: Probe, subject: Subject) -> Iterator[Finding]:
    if probe.not_local and subject.is_local:
        yield Finding(Verdict.NOT_LOCAL, probe.not_local)
        return
    try:
        yield from probe.ask(subject)
    except ClientError as error:
        yield _explain_answer(error, probe, subject.stack.name)
    except Absent as error:
        yield Finding.unclear(str(error), "deploy this version, or use the command of the deployed one")
    except (NotBegun, Refused, StackError) as error:
        yield Finding.unclear(str(error))
    except (NoCredentialsError, PartialCredentialsError):
        raise  # nothing can be asked: the command ends, and says so once
    except _ODD_ANSWERS as error:
        yield Finding.unclear(f"AWS answered otherwise than its documentation has it: {type(error).__name__}: {error}")
    except (BotoCoreError, TransientError) as error:
        yield Finding.unclear(f"AWS could not be asked: {error}", "run it again")


def _explain_answer(error: ClientError, probe: Probe, stack: str) -> Finding:
    """Say what AWS answered instead: which permission lacks, or that something is gone, if it is that."""
    if is_refusal(error):
        # A transaction, a batch and a key need actions of other names than the call's; AWS says which it looked for.
        named = _LACKING.search(error.response["Error"].get("Message", ""))
        action = named[1] if named else _find_action(probe.actions, error.operation_name)
        return Finding.unclear(f"not allowed: {action}", f"allow {action} to whoever runs this")
    if error.response["Error"]["Code"] in _THROTTLED:
        return Finding.unclear(f"AWS throttles {error.operation_name}", "run it again in a minute")
    if error.response["Error"]["Code"] in _GONE:
        drift = quote_command("aws cloudformation detect-stack-drift --stack-name", stack)
        return Finding.wrong(
            f"something of the stack is gone, which only a person can have deleted: {explain_error(error)}",
            f"run {drift}, which finds all that was changed by hand, and restore it",
        )
    return Finding.unclear(explain_error(error))


def _find_action(actions: Iterable[str], operation: str) -> str:
    """Find the IAM action of an operation, which may be longer (InvokeFunction), or shorter (of a Batch)."""
    names = {action.rpartition(":")[2]: action for action in actions}
    alike = [action for name, action in names.items() if name.startswith(operation) or operation.startswith(name)]
    return names.get(operation) or next(iter(alike), operation)
