"""What an order leaves behind on its way: states, an alias, lines in logs, a trace. Each is a part of a probe."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from functions.shared.execution_name import execution_name
from ops.doctor.placing import Run
from ops.doctor.probe import Finding, Verdict
from ops.doctor.subject import Subject
from ops.orders.executions import make_execution_arn
from ops.orders.ledger import Orders

# Seconds. Both come a moment later than what they are about.
_LOG_WITHIN: Final = 60.0
_TRACE_WITHIN: Final = 60.0
_TRACE_EVERY: Final = 5.0
_SLACK: Final = timedelta(minutes=1)  # between this clock and AWS's


def find_steps(subject: Subject, order_id: str) -> Iterator[Finding]:
    """Give the states that the order's execution passed, and how often each was tried."""
    orders = Orders.of(subject.stack)
    for attempt in orders.attempts(order_id):
        passed = [f"{one.state} (tries: {one.tries})" if one.tries > 1 else one.state for one in attempt.states]
        yield Finding.ok(f"its execution passed {', '.join(passed)}")


def find_alias(subject: Subject, order_id: str) -> Iterator[Finding]:
    """Look whether it was started by the alias, and is known by the machine's own ARN all the same."""
    if subject.is_local:
        yield Finding(Verdict.NOT_LOCAL, "the local Step Functions starts no execution by an alias")
        return
    arn = make_execution_arn(subject.stack["StateMachineArn"], execution_name(order_id, 1))
    found = subject.stack.client("stepfunctions").describe_execution(executionArn=arn).get("stateMachineAliasArn")
    alias = subject.find_resource("AWS::StepFunctions::StateMachineAlias").physical_id
    if found == alias:
        yield Finding.ok(f"its execution was started by the alias {alias.rpartition(':')[2]}")
    else:
        yield Finding.wrong(f"its execution was started by {found or 'no alias'}, not by {alias}", "deploy again")


def find_log_lines(run: Run, subject: Subject, order_id: str) -> Iterator[Finding]:
    """Look for its execution in the execution log."""
    if subject.is_local:
        yield Finding(Verdict.NOT_LOCAL, "the local Step Functions keeps no execution log")
        return
    group = subject.find_resource("AWS::Logs::LogGroup", "WorkflowExecutionLog").physical_id
    lines = _wait_for_lines(run, subject, group, order_id)
    if lines:
        yield Finding.ok(f"the execution log has {lines} lines of it")
    else:
        yield Finding.wrong(
            f"{group} has no line of it after {_LOG_WITHIN:.0f} s", "run `orders doctor A6 A8`: who may write there"
        )


def find_duplicate_line(run: Run, subject: Subject, order_id: str) -> Iterator[Finding]:
    """Look for the line in which the starter counts the order as a duplicate, and for a second execution."""
    group = subject.find_resource("AWS::Logs::LogGroup", "IngestionStartWorkflowLogs").physical_id
    lines = _wait_for_lines(run, subject, group, order_id, "OrdersDuplicate")
    second = Orders.of(subject.stack).attempt(order_id, 2)
    if second:
        yield Finding.wrong(
            f"{order_id} was published twice and has a second execution, {second.status}",
            "see docs/reliability.md: an order is started again only after it has failed",
        )
    elif lines:
        yield Finding.ok(f"{order_id} was published twice: it has one execution, and OrdersDuplicate counts the other")
    else:
        yield Finding.unclear(
            f"{order_id} was published twice and has one execution; {group} does not say OrdersDuplicate"
            f" after {_LOG_WITHIN:.0f} s",
            "look whether the message is still in the order queue: `orders watch`",
        )


def find_trace(run: Run, subject: Subject) -> Iterator[Finding]:
    """Look for a trace that joins the state machine and its functions; X-Ray samples, so that it may lack one."""
    if subject.is_local:
        yield Finding(Verdict.NOT_LOCAL, "the local AWS keeps no traces")
        return
    machine = subject.stack["StateMachineArn"].rpartition(":")[2]
    functions = {found.physical_id for found in subject.find_resources("AWS::Lambda::Function")}
    traced = run.wait_until(
        lambda: _find_traced(run, subject, machine) & functions,
        bool,
        until=run.clock() + _TRACE_WITHIN,
        every=_TRACE_EVERY,
    )
    if traced:
        yield Finding.ok(f"X-Ray joins the state machine to {len(traced)} of its {len(functions)} functions")
    else:
        yield Finding.unclear(
            f"no trace of {machine} joins it and a function after {_TRACE_WITHIN:.0f} s",
            "X-Ray keeps the first request of a second and a twentieth of the others, so run this again",
        )


def _find_traced(run: Run, subject: Subject, machine: str) -> set[str]:
    """Give the names of all that shares a trace with the machine since the run began."""
    pages = (
        subject.stack.client("xray")
        .get_paginator("get_trace_summaries")
        .paginate(
            StartTime=run.began - _SLACK, EndTime=datetime.now(UTC) + _SLACK, FilterExpression=f'service("{machine}")'
        )
    )
    return {
        service.get("Name", "")
        for page in pages
        for trace in page["TraceSummaries"]
        for service in trace.get("ServiceIds", ())
    }


def _wait_for_lines(run: Run, subject: Subject, group: str, *words: str) -> int:
    """Count a log group's lines with all of these words in them, as soon as there are any."""
    return run.wait_until(lambda: _count_lines(run, subject, group, *words), bool, until=run.clock() + _LOG_WITHIN)


def _count_lines(run: Run, subject: Subject, group: str, *words: str) -> int:
    pages = (
        subject.stack.client("logs")
        .get_paginator("filter_log_events")
        .paginate(
            logGroupName=group,
            filterPattern=" ".join(f'"{word}"' for word in words),  # all of them, in any order
            startTime=int((run.began - _SLACK).timestamp() * 1000),
        )
    )
    return sum(len(page["events"]) for page in pages)
