"""Many orders published again, as after an outage: chosen by their rows, then each checked and published at a pace."""

import heapq
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from botocore.exceptions import ClientError

from functions.shared.aws import call_aws
from functions.shared.errors import TransientError
from functions.shared.row import CONFIRMED
from ops.errors import Refused, StackError
from ops.orders import retry
from ops.orders.ledger import Orders
from ops.orders.publish import publish_order
from ops.stack import Stack, explain_error
from ops.tables.order_row import OrderRow, changed_at

# Orders a second. In its smaller regions Step Functions answers ten DescribeExecution a second permanently; a retry
# takes three: two of this command, and the starter's of the attempt before.
RATE: Final = 3.0
LIMIT: Final = 1000

_ANY_ORDER: Final = "ORDER"  # stands for an id in a reason that many orders have in common
_PAUSES: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)  # seconds, while AWS throttles or is out of reach
_MOST_ERRORS_IN_A_ROW: Final = 5


@dataclass(frozen=True)
class Kind:
    """A group of orders to be published again: the statuses in their rows, and the reason the rows give."""

    status: str | None
    mail: str | None
    reason: str | None


@dataclass(frozen=True)
class Selection:
    """The orders to publish again, those that changed first at first; how many more fit; how many not, and why."""

    rows: list[OrderRow]
    beyond: int
    left_out: Counter[str]

    def kinds(self) -> Counter[Kind]:
        """Count the orders of each kind."""
        return Counter(map(_classify_row, self.rows))


@dataclass(frozen=True)
class Result:
    """The result for one order: published for this `attempt`, or left out or not published, with the reason."""

    order_id: str
    attempt: int | None = None
    note: str | None = None
    left_out: str | None = None
    error: str | None = None


def select_orders(rows: Iterable[OrderRow], limit: int) -> Selection:
    """Choose what a retry can help, as far as the rows tell: their executions are looked at one by one, later."""
    left_out, fitting = Counter[str](), 0

    def helped() -> Iterator[OrderRow]:
        nonlocal fitting
        for found in rows:
            if reason := retry.why_not(found, None, _ANY_ORDER):
                left_out[reason] += 1
            else:
                fitting += 1
                yield found

    chosen = heapq.nsmallest(limit, helped(), key=changed_at)
    return Selection(chosen, fitting - len(chosen), left_out)


def publish_again(
    stack: Stack,
    rows: Iterable[OrderRow],
    *,
    rate: float,
    tell: Callable[[str], None],
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[Result]:
    """Publish orders again, `rate` a second, each once; yield what became of each as it is known.

    An order costs a GetItem, two DescribeExecution and a Publish; its row and its last execution are read immediately
    before it is published.

    Raises:
        StackError: AWS has refused several in a row, so it would refuse the rest.
        TransientError: it throttles, or is out of reach, for over a minute.
    """
    due, errors = time.monotonic(), 0
    for found in rows:
        pause(max(0.0, due - time.monotonic()))
        due = max(due, time.monotonic()) + 1 / rate
        result = _retry_patiently(stack, found.order_id, tell, pause)
        yield result
        errors = errors + 1 if result.error else 0
        if errors == _MOST_ERRORS_IN_A_ROW:
            raise StackError(f"stopped: {errors} orders in a row could not be published, so the rest was not tried")


def _retry_patiently(
    stack: Stack, order_id: str, tell: Callable[[str], None], pause: Callable[[float], None]
) -> Result:
    for seconds in _PAUSES:
        try:
            return _publish_one(stack, order_id)
        except TransientError as error:
            tell(f"{error}: waiting {seconds:.0f} s")
            pause(seconds)
    return _publish_one(stack, order_id)


def _publish_one(stack: Stack, order_id: str) -> Result:
    try:
        return call_aws(_read_and_publish, stack=stack, order_id=order_id)
    except Refused as error:
        return Result(order_id, error=str(error))
    except ClientError as error:
        return Result(order_id, error=f"{order_id}: {explain_error(error)}")


def _read_and_publish(stack: Stack, order_id: str) -> Result:
    found, latest = retry.read_order(Orders.of(stack), order_id)
    if reason := retry.why_not(found, latest, _ANY_ORDER):
        return Result(order_id, left_out=reason)
    planned = retry.plan_retry(order_id, found, latest)
    publish_order(stack, planned.order)
    return Result(order_id, planned.attempt, planned.note)


def _classify_row(found: OrderRow) -> Kind:
    reason = found.email_error if found.status == CONFIRMED else found.status_reason
    return Kind(found.status, found.email_status, _shorten_reason(reason) if reason else None)


def _shorten_reason(reason: str) -> str:
    """Keep what many orders have in common, as in `SES: MessageRejected: Email address is not verified`."""
    return ": ".join(reason.split(". ", maxsplit=1)[0].split(": ")[:3])
