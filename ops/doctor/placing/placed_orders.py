"""Probes that place orders to SES's mailbox simulator and look at how each ends."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from functions.shared import row
from ops.doctor.errors import NotBegun
from ops.doctor.placing.order_trail import find_alias, find_duplicate_line, find_log_lines, find_steps, find_trace
from ops.doctor.placing.placed_run import ENDS_WITHIN, GROUP, ON_ORDER, ON_STOCK, PIECES, Run
from ops.doctor.probe import Finding, Probe, Verdict
from ops.doctor.subject import Subject
from ops.orders.ledger import Orders
from ops.orders.publish import End, publish_order
from ops.shell import quote_command
from ops.stock.movements import Stock

_TOO_MANY: Final = 99  # pieces, of which `PIECES` are there
_MAIL_WITHIN: Final = 90.0  # seconds from publishing an order to SES's event about its mail

_PUBLISH: Final = ("sns:Publish",)
_WAIT_FOR_END: Final = (
    "states:ListExecutions",
    "states:DescribeExecution",
    "dynamodb:BatchGetItem",
    "dynamodb:GetItem",
    "sqs:ReceiveMessage",
    "sqs:ChangeMessageVisibility",
    "sqs:GetQueueAttributes",
)


def make_probes(run: Run) -> tuple[Probe, ...]:
    """Give them, for one run."""
    return (
        Probe(
            id="B0",
            group=GROUP,
            asks=f"{PIECES} pieces of an item of its own can be put into stock",
            begin=run.add_stock,
            ask=partial(examine_stock, run),
            actions=("sts:GetCallerIdentity", "dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:PutItem"),
            page="commands.md#orders-that-the-doctor-places",
        ),
        Probe(
            id="B1",
            group=GROUP,
            asks="an order is confirmed, its mail delivered, and its way can be followed",
            begin=partial(run.publish, kind="success"),
            ask=partial(examine_confirmed, run),
            actions=(
                *_PUBLISH,
                *_WAIT_FOR_END,
                "states:GetExecutionHistory",
                "cloudformation:ListStackResources",
                "logs:FilterLogEvents",
                "xray:GetTraceSummaries",
            ),
            page="commands.md#orders-that-the-doctor-places",
            rests_on=ON_STOCK,
        ),
        Probe(
            id="B3",
            group=GROUP,
            asks="a mail that bounces and one that is reported as spam are recorded",
            begin=partial(_publish_unwanted, run),
            ask=partial(examine_unwanted, run),
            actions=(*_PUBLISH, *_WAIT_FOR_END),
            page="commands.md#orders-that-the-doctor-places",
            not_local="the local SES reports no events of mails",
            rests_on=ON_STOCK,
        ),
        Probe(
            id="B4",
            group=GROUP,
            asks=f"an order of {_TOO_MANY} pieces is rejected, and takes none",
            begin=partial(run.publish, kind="short", quantity=_TOO_MANY),
            ask=partial(examine_rejected, run),
            actions=(*_PUBLISH, *_WAIT_FOR_END, "sts:GetCallerIdentity"),
            page="commands.md#orders-that-the-doctor-places",
            rests_on=ON_STOCK,
        ),
        Probe(
            id="B6",
            group=GROUP,
            asks="an order that is published twice is processed once",
            ask=partial(examine_duplicate, run),
            actions=(
                *_PUBLISH,
                "states:DescribeExecution",
                "cloudformation:ListStackResources",
                "logs:FilterLogEvents",
            ),
            page="reliability.md",
            rests_on=ON_ORDER,
        ),
    )


def examine_stock(run: Run, subject: Subject) -> Iterator[Finding]:
    """Look at what was put into stock."""
    found = Stock.of(subject.stack).item(run.item_id)
    moved = found.movements if found else None
    if moved == 1:
        yield Finding.ok(f"{PIECES} pieces of {run.item_id} were put into stock")
    else:
        yield Finding.wrong(
            f"{run.item_id} has {moved} movements after its first", "somebody else moves it, so run this again"
        )


def examine_confirmed(run: Run, subject: Subject) -> Iterator[Finding]:
    """Follow an order to its mail, and look for what it leaves on its way."""
    end = run.wait_for_end(subject, "success")
    finding = _judge_end(run, "success", end, row.CONFIRMED)
    yield finding
    if finding.verdict is not Verdict.OK:
        return
    yield from find_steps(subject, end.order_id)
    yield from find_alias(subject, end.order_id)
    yield from find_log_lines(run, subject, end.order_id)
    yield from find_trace(run, subject)
    if subject.is_local:
        yield _judge_mail(run, subject, "success", row.MAIL_SENT)
        yield Finding(Verdict.NOT_LOCAL, "the local SES reports no events of mails, so SENT is how its mail ends")
    else:
        yield _judge_mail(run, subject, "success", row.MAIL_DELIVERED)


def _publish_unwanted(run: Run, subject: Subject) -> None:
    for mailbox in ("bounce", "complaint"):
        run.publish(subject, mailbox, mailbox=mailbox)


def examine_unwanted(run: Run, subject: Subject) -> Iterator[Finding]:
    """Look at what becomes of mails that nobody gets, or wants."""
    for kind, status in (("bounce", row.MAIL_BOUNCED), ("complaint", row.MAIL_COMPLAINED)):
        finding = _judge_end(run, kind, run.wait_for_end(subject, kind), row.CONFIRMED)
        if finding.verdict is Verdict.OK:
            finding = _judge_mail(run, subject, kind, status)
        yield finding


def examine_rejected(run: Run, subject: Subject) -> Iterator[Finding]:
    """Look at an order of more than there is."""
    yield _judge_end(run, "short", run.wait_for_end(subject, "short"), row.REJECTED)
    yield judge_pieces(run, subject)


def examine_duplicate(run: Run, subject: Subject) -> Iterator[Finding]:
    """Publish the confirmed order once more, and look for what the starter says of it."""
    placed = run.placed.get("success")
    if placed is None:
        raise NotBegun("not tried: no order was published (B1)")
    order_id = placed.order.order_id
    first = Orders.of(subject.stack).attempt(order_id, 1)
    if first is None or first.status != "SUCCEEDED":  # once it has failed, the starter rightly starts another
        raise NotBegun(f"not tried: the execution of {order_id} is {first.status if first else 'absent'} (B1)")
    publish_order(subject.stack, placed.order)
    run.counted.append("OrdersDuplicate")
    yield from find_duplicate_line(run, subject, order_id)


def judge_pieces(run: Run, subject: Subject) -> Finding:
    """Say whether all pieces of the run are still there, be it in stock or in its orders' hands."""
    pieces = run.count_pieces(subject)
    if pieces == PIECES:
        return Finding.ok(f"all {PIECES} pieces of {run.item_id} are accounted for")
    return Finding.wrong(
        f"{run.item_id}: {pieces} pieces are available or held, and there should be {PIECES}",
        f"run {quote_command('orders check')}",
    )


def _judge_end(run: Run, kind: str, end: End, status: str) -> Finding:
    """Say whether an order ended in this status, and its execution well."""
    order_id, found, execution = end.order_id, end.row, end.execution
    if end.refused:
        return Finding.wrong(f"{order_id} was refused: {end.refused}", f"run {quote_command('orders dlq list')}")
    if execution is None:
        return Finding.wrong(
            f"{order_id} has no execution {ENDS_WITHIN:.0f} s after it was published",
            "see docs/runbooks/OldestOrderWaits.md: the starter is not called, or fails",
        )
    if execution.is_running:
        return Finding.wrong(
            f"{order_id} is still under way after {ENDS_WITHIN:.0f} s", f"run {quote_command('orders watch', order_id)}"
        )
    if found and found.status == status and execution.status == "SUCCEEDED":
        return Finding.ok(f"{order_id} is {status}, {run.measure_since(kind)} after it was published")
    said = f"its execution {execution.status}, its row {found.status if found else 'absent'}"
    return Finding.wrong(
        f"{order_id} should be {status}: {said}, its mail {(found and found.email_status) or 'not sent'}",
        f"run {quote_command('orders show', order_id)}",
    )


def _judge_mail(run: Run, subject: Subject, kind: str, status: str) -> Finding:
    """Say whether an order's mail came to this status."""
    found = run.wait_for_row(subject, kind, lambda found: found.email_status == status, within=_MAIL_WITHIN)
    order_id, mail = run.placed[kind].order.order_id, found.email_status if found else None
    if mail == status:
        return Finding.ok(f"{order_id}: its mail is {mail}, {run.measure_since(kind)} after the order was published")
    return Finding.wrong(
        f"{order_id}: its mail is {mail or 'not sent'} after {_MAIL_WITHIN:.0f} s, and should be {status}",
        f"run {quote_command('orders doctor A4 A7')}, and {quote_command('orders dlq list --queue mail-events')}",
    )
