"""The probe of what follows an execution that was stopped: its order is closed, and its stock is whole."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from functions.shared import row
from ops.doctor.placing.placed_orders import judge_pieces
from ops.doctor.placing.placed_run import GROUP, ON_STOCK, Run
from ops.doctor.probe import Finding, Probe
from ops.doctor.stopped_execution import start_then_stop
from ops.doctor.subject import Subject
from ops.shell import quote_command

_CLOSED_WITHIN: Final = 60.0  # seconds from stopping it: EventBridge, and a function that may be cold


def stop_order(run: Run, subject: Subject) -> None:
    """Start an order's execution as the starter does it, and stop it at once."""
    run.place("stopped", lambda order: start_then_stop(subject, order))


def examine_stopped(run: Run, subject: Subject) -> Iterator[Finding]:
    """Wait until the order is closed, and count the pieces."""
    found = run.wait_for_row(subject, "stopped", lambda found: found.status == row.FAILED, within=_CLOSED_WITHIN)
    order_id, status = run.placed["stopped"].order.order_id, found.status if found else None
    if found and status == row.FAILED:
        after = run.measure_since("stopped")
        yield Finding.ok(f"{order_id} was stopped, and FAILED {after} later: {found.status_reason or 'no reason'}")
    else:
        yield Finding.wrong(
            f"{order_id} was stopped, and {_CLOSED_WITHIN:.0f} s later it is {status or 'in no row'}, not FAILED",
            f"run {quote_command('orders dlq list --queue releases')}, then {quote_command('orders stuck')}",
        )
    yield judge_pieces(run, subject)


def make_probes(run: Run) -> tuple[Probe, ...]:
    """Give it, for one run."""
    return (
        Probe(
            id="B7",
            group=GROUP,
            asks="an order whose execution is stopped is closed, and its stock is whole",
            begin=partial(stop_order, run),
            ask=partial(examine_stopped, run),
            actions=(
                "cloudformation:ListStackResources",
                "states:StartExecution",
                "states:StopExecution",
                "dynamodb:GetItem",
                "dynamodb:BatchGetItem",
                "sts:GetCallerIdentity",
            ),
            page="runbooks/ReleaseDlqNotEmpty.md",
            rests_on=ON_STOCK,
        ),
    )
