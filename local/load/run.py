"""The burst itself: published as fast as SNS takes it, waited for, and checked against the account."""

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import quantiles
from typing import Final

from functions.shared.row import CONFIRMED, ENDS, MAIL_SENT
from local.books import Accounting, Books, account_for, find_violations
from local.demo.checks import Checks
from local.load.burst import Burst
from local.load.observe import dead_letter_count, read_books, under_way
from local.pipeline import Pipeline
from ops.mail.sent_mails import SentMail
from ops.tables.order_row import OrderRow

_BATCH: Final = 10  # messages: the most that SNS takes at once
_POLL_SECONDS: Final = 0.5


class NoProgressError(Exception):
    """Nothing has moved for so long that nothing will."""


@dataclass(frozen=True)
class Figures:
    """The measured figures. Times are in seconds, from the call that published an order to its mail."""

    account: Accounting
    seconds: float
    mail_p50: float
    mail_p99: float

    @property
    def orders_a_second(self) -> float:
        """Orders settled a second, from the first message published to the last order settled."""
        return self.account.orders / self.seconds


def run_load(
    pipeline: Pipeline, load: Burst, checks: Checks, *, progress: Callable[[int], None], patience: float
) -> Figures:
    """Publish the burst, wait until all has settled, and check the account.

    Args:
        pipeline: A freshly deployed one: every row, mail and dead letter in it counts.
        load: What to publish.
        checks: Where each part of the account is checked.
        progress: Called with how many of the orders and poison messages have settled.
        patience: Seconds after which a standstill is the end.

    Raises:
        NoProgressError: It came to a standstill.
    """
    pipeline.stock_up(load.stock)
    began = time.monotonic()
    published_at = publish_burst(pipeline, load.messages)
    _wait_until_settled(pipeline, load, progress, patience)
    seconds = time.monotonic() - began
    found = read_books(pipeline, pipeline.dead_letters())
    accounted = account_for(found, load.messages)
    _check_account(found, load, accounted, checks)
    broken = find_violations(found, stocked=load.stock, published=load.messages)
    checks.expect("violations of stock, statuses, mails and messages", len(broken), 0)
    for line in broken[:20]:
        checks.fail(line)
    p50, p99 = _compute_percentiles(_mail_times(published_at, found.mails))
    return Figures(accounted, seconds, p50, p99)


def publish_burst(pipeline: Pipeline, messages: Sequence[str]) -> dict[str, float]:
    """Publish in batches; return when each order was first published, by its customer's address."""
    client, topic = pipeline.aws.client("sns"), pipeline.outputs["OrderTopicArn"]
    published_at: dict[str, float] = {}
    for start in range(0, len(messages), _BATCH):
        batch, now = messages[start : start + _BATCH], time.time()
        entries = [{"Id": str(n), "Message": body} for n, body in enumerate(batch)]
        refused = client.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries).get("Failed")
        if refused:
            raise NoProgressError(f"SNS refused {len(refused)} messages: {refused[0]}")
        for body in batch:
            published_at.setdefault(_read_address(body), now)
    return published_at


def _wait_until_settled(pipeline: Pipeline, load: Burst, progress: Callable[[int], None], patience: float) -> None:
    """Wait until every order and every poison message has settled and nothing is under way."""
    settled, moved_at = -1, time.monotonic()
    while settled < load.orders + load.poison or under_way(pipeline):
        time.sleep(_POLL_SECONDS)
        orders = pipeline.orders().values()
        now = sum(_has_settled(order) for order in orders) + dead_letter_count(pipeline)
        if now != settled:
            settled, moved_at = now, time.monotonic()
            progress(settled)
        elif time.monotonic() - moved_at > patience:
            raise NoProgressError(
                f"{settled} of {load.orders + load.poison} settled, and nothing moved for {patience:.0f} s"
            )


def _has_settled(order: OrderRow) -> bool:
    return order.status in ENDS and (order.status != CONFIRMED or order.email_status == MAIL_SENT)


def _check_account(found: Books, load: Burst, accounted: Accounting, checks: Checks) -> None:
    """Hold what is in tables, queues and mails against the burst.

    Not the functions' metrics: the local AWS may log a line of a busy moment late, or with a later invocation's.
    """
    statuses = Counter(order.status for order in found.orders.values())
    checks.expect("orders", accounted.orders, load.orders)
    checks.expect("dead letters with a reason", accounted.refused, load.poison)
    checks.expect("duplicates acknowledged", accounted.duplicates, load.duplicates)
    checks.expect("orders confirmed", statuses["CONFIRMED"], load.confirmed)
    checks.expect("orders rejected, out of stock", statuses["REJECTED"], load.out_of_stock)
    checks.expect("mails", len(found.mails), load.confirmed)


def _mail_times(published_at: Mapping[str, float], mails: Sequence[SentMail]) -> list[float]:
    return [mail.sent_at.timestamp() - published_at[to] for mail in mails if (to := mail.recipients[0]) in published_at]


def _compute_percentiles(seconds: Sequence[float]) -> tuple[float, float]:
    if len(seconds) < 2:  # noqa: PLR2004 - quantiles need two
        return (seconds[0], seconds[0]) if seconds else (0.0, 0.0)
    cuts = quantiles(seconds, n=100, method="inclusive")
    return cuts[49], cuts[98]


def _read_address(body: str) -> str:
    try:
        return str(json.loads(body)["customer_email"])
    except (ValueError, KeyError):
        return ""
