"""`orders cost`: the monthly cost of the system."""

from typing import Annotated, Final

import typer

from functions.shared.order import MOST_ITEMS
from ops.contract import rules
from ops.cost.estimate import Estimate, estimate_cost
from ops.terminal import screen
from ops.terminal.options import JsonOption, without_stack

_VOLUMES: Final = ("10000", "1000000", "100000000")
_MOST_ORDERS: Final = 1_000_000_000


@without_stack
def cost(
    orders: Annotated[
        list[str] | None,
        typer.Option("--orders", "-n", metavar="N", help="Orders a month; as often as you like.", show_default=False),
    ] = None,
    items: Annotated[str, typer.Option("--items", metavar="N", help="Different items in an order.")] = "3",
    json: JsonOption = False,
) -> None:
    """Estimate what the system costs a month, at 10 thousand, 1 million and 100 million orders or as many as you name.

    What an order takes of each service was counted by taking it through the real functions.
    List prices; free tiers, discounts, storage and data transfer are left out.
    """
    volumes = [rules.whole_number("--orders", text, least=1, most=_MOST_ORDERS) for text in orders or _VOLUMES]
    lines = rules.whole_number("--items", items, least=1, most=MOST_ITEMS)
    found = estimate_cost(volumes, lines)
    if json:
        return screen.show_json(found)
    return _show_estimate(found)


def _show_estimate(found: Estimate) -> None:
    columns = {"USD a month": "left", **{f"{n:,} orders": "right" for n in found.orders}, "for": "text"}
    rows: list[tuple[object, ...]] = [
        (line.service, *(f"{dollars:,.2f}" for dollars in line.usd), line.what_for) for line in found.lines
    ]
    rows += [
        ("together", *(f"{dollars:,.2f}" for dollars in found.total), None),
        ("an order", *(f"{dollars:.6f}" for dollars in found.an_order), None),
    ]
    screen.print_table(columns, rows, empty="")
    screen.print_line(f"Orders of {found.items} items; prices of {found.prices_as_of}.")
    screen.print_line("Left out: free tiers, discounts, storage and data transfer.")
