"""Preview and result of publishing many orders again, for a person and for a script."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC
from typing import Final

from ops.orders.answers import ChosenOrders, FailedOrder, LeftOutOrders, PublishedOrder, RetryManyAnswer
from ops.orders.retry_many import Kind, Result, Selection
from ops.tables.order_row import OrderRow, items_in_words

_MOST_KINDS: Final = 10  # that the preview distinguishes
_MOST_NAMED: Final = 3  # orders that it names


@dataclass
class Tally:
    """The results so far, counted."""

    published: list[PublishedOrder] = field(default_factory=list)
    failed: list[FailedOrder] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)

    def add(self, result: Result) -> None:
        """Count one more order."""
        match result:
            case Result(left_out=str(reason)):
                self.left_out[reason] += 1
            case Result(error=str(error)):
                self.failed.append(FailedOrder(result.order_id, error))
            case Result(attempt=int(attempt)):
                self.published.append(PublishedOrder(result.order_id, attempt, result.note))
                self.notes.update([result.note] if result.note else [])

    @property
    def seen(self) -> int:
        """How many orders it has counted."""
        return len(self.published) + len(self.failed) + self.left_out.total()

    def __str__(self) -> str:
        return f"{len(self.published)} published again, {self.left_out.total()} left out, {len(self.failed)} failed"


def preview_retries(chosen: Selection, rate: float) -> Iterator[str]:
    """Say what is to be published, and what is not."""
    number, kinds = len(chosen.rows), chosen.kinds()
    lasts = f", at {rate:g} a second: {number / rate:.0f} s or more" if number else ""
    yield f"{count_orders(number)} to publish again{lasts}"
    for kind, times in kinds.most_common(_MOST_KINDS):
        yield f"  {times:>6}  {_kind_in_words(kind)}"
    if more := list(kinds.most_common())[_MOST_KINDS:]:
        yield f"  {sum(times for _, times in more):>6}  of {len(more)} other kinds"
    yield from (f"for example {_row_in_words(found)}" for found in chosen.rows[:_MOST_NAMED])
    yield from _format_counts("left out:", chosen.left_out)
    if chosen.beyond:
        yield f"{count_orders(chosen.beyond)} beyond --limit {number}: run the same command again for those"


def report_retries(chosen: Selection, tally: Tally) -> Iterator[str]:
    """Say what became of them."""
    yield str(tally)
    yield from _format_counts("to know of those published:", tally.notes)
    yield from _format_counts("left out:", tally.left_out)
    if left := len(chosen.rows) - tally.seen + chosen.beyond:
        yield f"remaining: {count_orders(left)}; run the same command again to go on"


def describe_retry(chosen: Selection, tally: Tally) -> RetryManyAnswer:
    """Give both as data."""
    left_out = chosen.left_out + tally.left_out
    return RetryManyAnswer(
        chosen=[ChosenOrders(kind.status, kind.mail, kind.reason, many) for kind, many in chosen.kinds().most_common()],
        published=tally.published,
        failed=tally.failed,
        left_out=[LeftOutOrders(reason, many) for reason, many in left_out.most_common()],
        remaining=len(chosen.rows) - tally.seen,
        beyond_limit=chosen.beyond,
    )


def count_orders(number: int) -> str:
    """Put a number of orders into words."""
    return "1 order" if number == 1 else f"{number} orders"


def _format_counts(heading: str, found: Counter[str]) -> Iterator[str]:
    if found:
        yield heading
    yield from (f"  {times:>6}  {text}" for text, times in found.most_common())


def _kind_in_words(kind: Kind) -> str:
    mail = f", mail {kind.mail}" if kind.mail else ""
    return f"{kind.status or 'without a status'}{mail}" + (f": {kind.reason}" if kind.reason else "")


def _row_in_words(found: OrderRow) -> str:
    items = items_in_words(found.lines) or "no items"
    changed = f", changed {found.updated_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if found.updated_at else ""
    return f"{found.order_id}: {items}{changed}"
