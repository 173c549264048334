"""What must be true of stock, orders and mails."""

import pytest

from functions.shared import row
from functions.shared.order import Line
from ops.books.balance import Balance, check_balance, check_mails, check_order, count_held, find_imbalances
from ops.tables.order_row import OrderRow

STATUSES = ["PROCESSING", "CONFIRMED", "REJECTED", "FAILED", "CANCELLED"]


def order(status: str | None, mail: str | None = None) -> OrderRow:
    return OrderRow("1", status, lines=(Line("tea", 2), Line("cup", 1), Line("tea", 3)), email_status=mail)


@pytest.mark.parametrize("status", [*STATUSES, None])
def test_only_confirmed_orders_hold_their_lines(status: str | None) -> None:
    assert count_held([order(status)]) == ({"tea": 5, "cup": 1} if status == "CONFIRMED" else {})


@pytest.mark.parametrize(
    ("found", "wrong"),
    [
        (Balance(moved=5, available=3, held=2), []),
        (Balance(moved=5, available=4, held=2), ["1 too many"]),
        (Balance(moved=5, available=2, held=2), ["1 missing"]),
        (Balance(moved=1, available=-1, held=2), ["-1 available: less than nothing"]),
    ],
)
def test_pieces_add_up_and_are_never_less_than_nothing(found: Balance, wrong: list[str]) -> None:
    assert list(check_balance(found)) == wrong


def test_an_imbalance_is_found_wherever_an_item_is_named() -> None:
    found = find_imbalances([order("CONFIRMED")], available={"tea": 1, "pot": 4}, moved={"tea": 6, "lid": 7})
    assert list(found) == [
        "item cup: 1 too many: 0 available and 1 held, of 0",
        "item lid: 7 missing: 0 available and 0 held, of 7",
        "item pot: 4 too many: 4 available and 0 held, of 0",
    ]


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("mail", row.MAIL_FOLLOWED_BY)
def test_only_a_confirmed_order_has_a_mail_and_a_cancelled_one_at_most_one_that_did_not_leave(
    status: str, mail: str | None
) -> None:
    sound = mail is None or status == "CONFIRMED" or (status == "CANCELLED" and mail in ("PENDING", "REJECTED"))
    assert list(check_order(order(status, mail))) == ([] if sound else [f"a mail ({mail}), though it is {status}"])


def test_a_status_that_nothing_writes_is_named() -> None:
    assert list(check_order(order("LOST"))) == ["unknown status LOST"]
    assert list(check_order(order(None))) == ["has no status"]
    assert list(check_order(order("CONFIRMED", "LOST"))) == ["unknown email_status LOST"]


@pytest.mark.parametrize(
    ("status", "mail", "mails", "wrong"),
    [
        ("CONFIRMED", "SENT", 1, []),
        ("CONFIRMED", "SENT", 2, ["2 mails"]),
        ("CONFIRMED", "BOUNCED", 0, ["no mail, its row says BOUNCED"]),
        ("CONFIRMED", "UNKNOWN", 1, []),
        ("CONFIRMED", "UNKNOWN", 0, []),
        ("CONFIRMED", "SENDING", 1, []),
        ("CONFIRMED", "PENDING", 1, ["a mail, its row says PENDING"]),
        ("CANCELLED", "REJECTED", 0, []),
        ("CANCELLED", "SENT", 1, ["a mail, though it is CANCELLED"]),
    ],
)
def test_mails_that_left_are_those_that_the_rows_tell_of(
    status: str, mail: str | None, mails: int, wrong: list[str]
) -> None:
    assert list(check_mails(order(status, mail), mails, is_shown=True)) == wrong


def test_a_missing_mail_is_never_silent() -> None:
    assert list(check_mails(order("CONFIRMED"), 0, is_shown=False)) == [
        "mail None, and no execution that failed shows it"
    ]
    assert list(check_mails(order("CONFIRMED", "SENT"), 1, is_shown=False)) == []
    assert list(check_mails(order("FAILED"), 0, is_shown=False)) == []
