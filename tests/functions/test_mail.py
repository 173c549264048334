"""The mail as SES gets it: both parts say the same, and no id can break it."""

from html.parser import HTMLParser
from typing import Any

import pytest

from functions.send_email.handler import send_confirmation
from functions.shared.order import Line, Order
from tests.functions.builders import CUSTOMER, ORDER, run
from tests.functions.cloud import Cloud, as_items
from tests.functions.wire import Wire

SCRIPT = "<script>alert('1')</script> & \"co\""


class Page(HTMLParser):
    """The visible text of each table cell and heading, the elements, and whether all are closed."""

    VOID = frozenset({"meta", "br", "img"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[str] = []
        self.cells: list[str] = []
        self.feed(html)
        self.close()
        self.cells = [cell.rstrip("\n") for cell in self.cells]

    def handle_starttag(self, tag: str, _attrs: Any) -> None:
        self.elements.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)
        if tag in ("td", "th", "strong"):
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data


@pytest.fixture
def mail(cloud: Cloud, wire: Wire) -> Any:
    """Send an order's confirmation, and return its subject, text and HTML."""
    cloud.verify_sender()

    def send(order: Order) -> tuple[str, str, str]:
        cloud.put_order("CONFIRMED", 1, order_id=order.order_id, items=as_items(order.lines))
        run(send_confirmation, order)
        (request,) = wire.of("SendEmail")
        content = request["Content"]["Simple"]
        parts = (content["Subject"], content["Body"]["Text"], content["Body"]["Html"])
        assert {part["Charset"] for part in parts} == {"UTF-8"}
        subject, text, html = (part["Data"] for part in parts)
        return subject, text, html

    return send


def test_both_parts_name_the_order_and_list_its_items(mail: Any) -> None:
    subject, text, html = mail(ORDER)
    assert subject == "Your order 12345 is confirmed"
    assert "Order 12345 is confirmed" in text
    assert "\n  2 × item001\n  1 × item002\n" in text
    cells = Page(html).cells
    assert "12345" in " ".join(cells)
    assert [cells[i : i + 2] for i in range(len(cells)) if cells[i].startswith("item0")] == [
        ["item001", "2"],
        ["item002", "1"],
    ]


def test_markup_in_an_id_is_text_and_nothing_else(mail: Any) -> None:
    _, text, html = mail(Order(SCRIPT, CUSTOMER, (Line(SCRIPT + "x", 1), Line("{{ order.customer_email }}", 2))))
    page = Page(html)
    assert page.open == []
    assert "script" not in page.elements
    assert any(SCRIPT in cell for cell in page.cells)
    assert SCRIPT in text
    assert "{{ order.customer_email }}" in text, "an id is no template"
    assert CUSTOMER not in text + html


@pytest.mark.parametrize(
    "order_id",
    [
        "\r\nBcc: all@example.com",
        "a\nb",
        "a\rb",
        "a\x0bb",
        "a\x0cb",
        "a\x1cb",
        "a\x85b",
        "a\u2028b",
        "a\u2029b",
    ],
    ids=ascii,
)
def test_the_subject_is_one_line_whatever_the_id(mail: Any, order_id: str) -> None:
    """An operator's order, or a hand-made execution: the starter takes none of the control characters."""
    subject, _, _ = mail(Order(order_id, CUSTOMER, ORDER.lines))
    assert len(subject.splitlines()) == 1
    assert subject.startswith("Your order ")
    assert subject.endswith(" is confirmed")


@pytest.mark.parametrize("separator", ["\u2028", "\u2029"], ids=ascii)
def test_an_id_stays_on_its_line_of_the_text(mail: Any, separator: str) -> None:
    """The starter takes these two: they are no control characters, and mail programs break lines at them."""
    _, text, _ = mail(Order("12345", CUSTOMER, (Line(f"item001{separator}9 × gold", 1),)))
    assert "9 × gold" not in text.splitlines()
    assert not any(line.strip() == "9 × gold" for line in text.splitlines())


@pytest.mark.parametrize(
    "item_id", [" ", "注文", "طلب", "\u202eevil", "😀" * 256, "x" * 256], ids=lambda v: ascii(v)[:12]
)
def test_any_item_id_is_shown(mail: Any, item_id: str) -> None:
    _, text, html = mail(Order("12345", CUSTOMER, (Line(item_id, 1_000_000),)))
    assert f"1000000 × {item_id}" in text
    page = Page(html)
    assert page.open == []
    assert item_id in page.cells


def test_an_order_of_99_items_lists_them_all(mail: Any) -> None:
    lines = tuple(Line(f"item{n:03}", n + 1) for n in range(99))
    _, text, html = mail(Order("12345", CUSTOMER, lines))
    assert [row for row in text.splitlines() if "×" in row] == [f"  {line.quantity} × {line.item_id}" for line in lines]
    assert [cell for cell in Page(html).cells if cell.startswith("item")] == [line.item_id for line in lines]
