"""What an order leaves behind on its way: states, an alias, lines in logs, a trace. Each is a part of a probe."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from functions.shared.execution_name import execution_name
from ops.doctor.placing.placed_run import CLOCK_SLACK, Run
from ops.doctor.probe import Finding, Verdict
from ops.doctor.subject import Subject
from ops.orders.executions import make_execution_arn
from ops.orders.ledger import Orders
from ops.shell import quote_command

# Seconds. Both come a moment later than what they are about.
_LOG_WITHIN: Final = 60.0
_TRACE_WITHIN: Final = 60.0
_TRACE_EVERY: Final = 5.0


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
    if _wait_for_line(run, subject, group, order_id):
        yield Finding.ok("the execution log has its lines")
    else:
        yield Finding.wrong(
            f"{group} has no line of it after {_LOG_WITHIN:.0f} s",
            f"run {quote_command('orders doctor A6 A8')}: who may write there",
        )


def find_duplicate_line(run: Run, subject: Subject, order_id: str) -> Iterator[Finding]:
    """Look for the line in which the starter counts the order as a duplicate, and for a second execution."""
    group = subject.find_resource("AWS::Logs::LogGroup", "IngestionStartWorkflowLogs").physical_id
    is_counted = _wait_for_line(run, subject, group, order_id, "OrdersDuplicate")
    second = Orders.of(subject.stack).attempt(order_id, 2)
    if second:
        yield Finding.wrong(
            f"{order_id} was published twice and has a second execution, {second.status}",
            "see docs/reliability.md: an order is started again only after it has failed",
        )
    elif is_counted:
        yield Finding.ok(f"{order_id} was published twice: it has one execution, and OrdersDuplicate counts the other")
    else:
        yield Finding.unclear(
            f"{order_id} was published twice and has one execution; {group} does not say OrdersDuplicate"
            f" after {_LOG_WITHIN:.0f} s",
            f"look whether its message still waits: {quote_command('orders watch')}",
        )


def find_trace(run: Run, subject: Subject) -> Iterator[Finding]:
    """Look for a trace that joins the state machine and its functions; X-Ray samples, so that it may lack one."""
    if subject.is_local:
        yield Finding(Verdict.NOT_LOCAL, "the local AWS keeps no traces")
        return
    machine = subject.stack["StateMachineArn"].rpartition(":")[2]
    functions = {found.physical_id for found in subject.find_resources("AWS::Lambda::Function")}
    traced = run.wait_until(
        lambda: _find_traced(run, subject, machine, functions),
        bool,
        until=run.clock() + _TRACE_WITHIN,
        every=_TRACE_EVERY,
    )
    if traced:
        yield Finding.ok(f"a trace joins the state machine to {len(traced)} of {len(functions)} functions")
    else:
        yield Finding.unclear(
            f"no trace of {machine} joins it and a function after {_TRACE_WITHIN:.0f} s",
            "X-Ray keeps the first request of a second and a twentieth of the others, so run this again",
        )


def _find_traced(run: Run, subject: Subject, machine: str, functions: set[str]) -> set[str]:
    """Give the functions in the first trace with the machine and any of them since the run began."""
    pages = (
        subject.stack.client("xray")
        .get_paginator("get_trace_summaries")
        .paginate(
            StartTime=run.began - CLOCK_SLACK, EndTime=datetime.now(UTC), FilterExpression=f'service("{machine}")'
        )
    )
    traces = (trace.get("ServiceIds", ()) for page in pages for trace in page["TraceSummaries"])
    named = ({service.get("Name", "") for service in services} & functions for services in traces)
    return next(filter(None, named), set())


def _wait_for_line(run: Run, subject: Subject, group: str, *words: str) -> bool:
    """Whether a log group has a line with all of these words in it, or gets one in time."""
    return run.wait_until(lambda: _has_line(run, subject, group, *words), bool, until=run.clock() + _LOG_WITHIN)


def _has_line(run: Run, subject: Subject, group: str, *words: str) -> bool:
    pages = (
        subject.stack.client("logs")
        .get_paginator("filter_log_events")
        .paginate(
            logGroupName=group,
            filterPattern=" ".join(f'"{word}"' for word in words),  # all of them, in any order
            startTime=int((run.began - CLOCK_SLACK).timestamp() * 1000),
        )
    )
    return any(page["events"] for page in pages)
