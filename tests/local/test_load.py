"""The burst: its messages, and an exit code that tells whether its account balances."""

import io
import json

import pytest
from rich.console import Console

from local.books import Accounting
from local.demo.checks import Checks
from local.load.__main__ import _choose_delay, main, print_verdict
from local.load.burst import make_burst
from local.load.run import Figures


def test_a_burst_has_its_share_of_bad_messages_and_is_the_same_for_the_same_seed() -> None:
    thousand = make_burst(1000, seed=3)
    assert (thousand.poison, thousand.duplicates, thousand.out_of_stock, thousand.confirmed) == (50, 100, 100, 750)
    assert len(thousand.messages) == 1000
    assert thousand == make_burst(1000, seed=3)
    assert thousand != make_burst(1000, seed=4)


@pytest.mark.parametrize("size", [1, 2, 7, 99])
def test_a_burst_of_any_size_adds_up(size: int) -> None:
    small = make_burst(size, seed=1)
    assert len(small.messages) == size == small.orders + small.duplicates + small.poison


def test_no_more_than_the_stock_is_wanted_by_the_orders_to_be_confirmed() -> None:
    load = make_burst(200, seed=5)
    wanted: dict[str, int] = {}
    for body in set(load.messages):
        try:
            lines = json.loads(body)["items"]
            sums = {line["item_id"]: int(line["quantity"]) for line in lines}
        except ValueError:
            continue
        if all(quantity <= 5 and item_id in load.stock for item_id, quantity in sums.items()):
            wanted.update({item_id: wanted.get(item_id, 0) + quantity for item_id, quantity in sums.items()})
    assert all(quantity <= load.stock[item_id] for item_id, quantity in wanted.items())


def test_the_exit_code_says_whether_the_account_balances() -> None:
    told = io.StringIO()
    console, figures = Console(file=told, width=100), Figures(Accounting(10, 8, 1, 1), 4.0, 1.0, 2.0)
    checks = Checks(console)
    checks.expect("orders", 8, 8)
    assert print_verdict(console, checks, figures) == 0
    assert "2.0 orders a second" in told.getvalue()
    checks.expect("dead letters", 0, 1)
    assert print_verdict(console, checks, figures) == 1
    checks = Checks(console)
    checks.fail("nothing moved")
    assert print_verdict(console, checks, None) == 1


@pytest.mark.parametrize(("messages", "seconds"), [(1, 20), (40, 20), (500, 60), (1000, 120), (100_000, 120)])
def test_a_message_that_waits_for_its_order_comes_back_when_that_may_have_ended(messages: int, seconds: int) -> None:
    """A small burst is over in seconds; and twelve deliveries outlast the retries of a large one."""
    assert _choose_delay(messages) == seconds


@pytest.mark.parametrize("size", ["0", "-1", "many", "1.5", "100001"])
def test_a_burst_of_no_possible_size_is_refused(size: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["--orders", size])
    assert refused.value.code == 2
    assert "a burst has from 1 to 100000 messages" in capsys.readouterr().err
