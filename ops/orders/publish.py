"""Reads orders, checks all against the contract before any is sent, publishes them, and waits for their ends."""

import json
import re
import secrets
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final, Self

from functions.shared.errors import InvalidOrder
from functions.shared.execution_name import execution_name
from functions.shared.message import parse_order
from functions.shared.order import Order
from functions.shared.row import CONFIRMED
from ops.dead_letters.dead_letter import ORDERS
from ops.dead_letters.queues import peek_queues
from ops.errors import BadInput
from ops.orders.execution import Execution
from ops.orders.ledger import Orders
from ops.orders.pace import Pace
from ops.stack import Stack
from ops.tables.order_row import OrderRow

_LETTERS: Final = "23456789abcdefghjkmnpqrstuvwxyz"  # none that is taken for another when it is read out
# Characters that SQS refuses and an order's texts may hold; JSON itself escapes the others that SQS refuses:
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
_NOT_IN_A_MESSAGE: Final = re.compile("[\ud800-\udfff\ufffe\uffff]")
_DECODER: Final = json.JSONDecoder()
_PAUSE: Final = 1.0  # seconds between two looks
_SLACK: Final = timedelta(seconds=30)  # between this clock and AWS's
_MOST_PAGES: Final = 5  # of executions that are listed at a look
_ASKED_FOR: Final = 5  # executions, by their names, at a look
# Seconds after which an order that has no execution is looked for among the dead letters, and how often.
_DEAD_LETTERS_EVERY: Final = 10.0


def new_order_id(now: datetime | None = None) -> str:
    """Make an id that nobody has used: the moment, and four letters."""
    moment = (now or datetime.now(UTC)).strftime("%Y%m%d-%H%M%S")
    return f"{moment}-{''.join(secrets.choice(_LETTERS) for _ in range(4))}"


def message_of(order: Order) -> str:
    """Render the message that a shop publishes, with JSON's escapes for the characters that SNS and SQS refuse."""
    content = json.loads(order.to_input(1))
    del content["attempt"]
    text = json.dumps(content, ensure_ascii=False)
    return _NOT_IN_A_MESSAGE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def read_orders(text: str, source: str) -> list[Order]:
    """Read one order or a list of them, as JSON; all that is wrong with them is in one `BadInput`."""
    try:
        entries = _split_entries(text)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{source}: must hold an order or a list of orders, as JSON: {error}") from error
    if not entries:
        raise BadInput(f"{source}: must hold at least one order")
    read = [_read_entry(entry) for entry in entries]
    orders = [order for order in read if isinstance(order, Order)]
    wrong = [
        f"{_describe_place(number, len(read))}{one}"
        for number, one in enumerate(read, 1)
        if isinstance(one, InvalidOrder)
    ]
    times = Counter(order.order_id for order in orders)
    wrong += [f"order_id: {order_id!r} is there {number} times" for order_id, number in times.items() if number > 1]
    if wrong:
        raise BadInput(f"{source}: nothing was published\n" + "\n".join(f"  {line}" for line in wrong))
    return orders


def publish_order(stack: Stack, order: Order) -> None:
    """Publish an order to the topic, as a shop does."""
    stack.client("sns").publish(TopicArn=stack["OrderTopicArn"], Message=message_of(order))


@dataclass(frozen=True)
class Expected:
    """An order to be published now, and the attempt whose end is waited for."""

    order: Order
    attempt: int

    @property
    def execution(self) -> str:
        """The name of its execution."""
        return execution_name(self.order.order_id, self.attempt)

    @classmethod
    def of(cls, orders: Orders, order: Order) -> Self:
        """Find out, before it is published, which attempt it leads to: a new one, unless one of it is in hand."""
        last = orders.latest(order.order_id)
        if last is None:
            return cls(order, 1)
        in_hand = not last.has_failed and last.input == order.to_input(last.number)
        return cls(order, last.number if in_hand else last.number + 1)


@dataclass(frozen=True)
class End:
    """The end of a published order: an execution and the row, or `refused`; none of them if it has not ended yet."""

    order_id: str
    execution: Execution | None
    row: OrderRow | None
    refused: str | None = None

    @property
    def has_come(self) -> bool:
        """Whether it has ended."""
        return self.refused is not None or (self.execution is not None and not self.execution.is_running)

    @property
    def is_good(self) -> bool:
        """Whether it ended CONFIRMED, and the customer was notified."""
        succeeded = self.execution is not None and self.execution.status == "SUCCEEDED"
        return succeeded and self.row is not None and self.row.status == CONFIRMED


def wait_for(
    stack: Stack,
    expected: Sequence[Expected],
    *,
    patience: timedelta,
    tell: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[End]:
    """Yield the end of each order as it comes; once the patience for all of them is over, those that have none yet."""
    orders, since, left = Orders.of(stack, Pace(clock, pause)), datetime.now(UTC), deque(expected)
    known: dict[str, Execution] = {}
    until, letters_at = clock() + patience.total_seconds(), clock() + _DEAD_LETTERS_EVERY
    while left:
        tell(f"waiting for {len(left)} of {len(expected)} orders")
        known |= _find_executions(orders, left, since)
        refusals: dict[str, str] = {}
        if clock() > letters_at and any(one.execution not in known for one in left):
            refusals = _find_refusals(stack, since)
            letters_at = clock() + _DEAD_LETTERS_EVERY
        ends = [end for end in _find_ends(orders, left, known, refusals) if end.has_come]
        yield from ends
        come = {end.order_id for end in ends}
        left = deque(one for one in left if one.order.order_id not in come)
        left.rotate(-_ASKED_FOR)
        if clock() >= until:
            break
        if left:
            pause(_PAUSE)
    yield from _find_ends(orders, left, known, {})


def _find_executions(orders: Orders, left: Iterable[Expected], since: datetime) -> dict[str, Execution]:
    """Find the executions of these orders: on the newest pages of the list, and a few of the others by their names.

    A list shows a thousand of them in a call. It lacks one that began before this wait, or by another clock.
    """
    found = dict[str, Execution]()
    for page in islice(orders.listed(), _MOST_PAGES):
        found |= {one.name: one for one in page.executions}
        if any(one.started_at < since - _SLACK for one in page.executions):
            break
    for one in islice((one for one in left if one.execution not in found), _ASKED_FOR):
        if attempt := orders.named(one.execution):
            found[one.execution] = attempt
    return {one.execution: found[one.execution] for one in left if one.execution in found}


def _find_ends(
    orders: Orders, left: Iterable[Expected], known: Mapping[str, Execution], refusals: Mapping[str, str]
) -> Iterator[End]:
    """Give each order's state; the row is read of those alone whose execution has ended."""
    over = {one.order.order_id for one in left if one.execution in known and not known[one.execution].is_running}
    rows = orders.rows_of(sorted(over))
    for one in left:
        order_id, execution = one.order.order_id, known.get(one.execution)
        row = rows.get(order_id) or (orders.row(order_id) if order_id in over else None)
        yield End(order_id, execution, row, refusals.get(order_id) if execution is None else None)


def _find_refusals(stack: Stack, since: datetime) -> dict[str, str]:
    """Give why orders were refused since then, by their ids."""
    return {
        letter.order_id: f"{letter.error_type}: {letter.error_message}"
        for letter in peek_queues(stack, [ORDERS]).letters
        if letter.order_id and letter.was_refused and letter.sent_at > since - _SLACK
    }


def _split_entries(text: str) -> list[str]:
    """Cut a list into the texts of its entries: read and written again, a key that is there twice would be lost."""
    if not isinstance(json.loads(text), list):
        return [text]
    entries, position = list[str](), _skip_separator(text, text.index("[") + 1)
    while text[position] != "]":
        _, end = _DECODER.raw_decode(text, position)
        entries.append(text[position:end])
        position = _skip_separator(text, end)
    return entries


def _skip_separator(text: str, position: int) -> int:
    """Go on to where the next entry begins, or to the list's end."""
    while text[position] in " \t\n\r,":
        position += 1
    return position


def _read_entry(entry: str) -> Order | InvalidOrder:
    try:
        return parse_order(entry)
    except InvalidOrder as error:
        return error


def _describe_place(number: int, orders: int) -> str:
    return f"order {number} of {orders}: " if orders > 1 else ""
