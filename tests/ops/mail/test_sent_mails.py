"""`orders email read`: the mails of one order as the emulator gives them, and why there are none."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ops.stack import Stack
from tests.ops.command import Command
from tests.ops.moto_stack import moto_stack, put


@dataclass
class Emulator:
    """What answers with the mails that were sent; None where it knows no such path."""

    records: list[dict[str, Any]] | None = field(default_factory=list)
    endpoint: str = ""

    def put(self, number: int, order_id: str, **changed: Any) -> None:
        record: dict[str, Any] = {
            "MessageId": f"m-{number}",
            "Source": "orders@example.com",
            "To": ["you@example.com"],
            "CC": [],
        }
        record |= {"Subject": f"Your order {order_id} is confirmed", "Timestamp": 1767225600.5 + number}
        assert self.records is not None
        self.records.append(record | {"BodyText": f"text {number}\n", "BodyHtml": f"<p>é {number}</p>"} | changed)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    made = Emulator()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = made.records is not None and self.path == "/_ministack/ses/messages?account=000000000000"
            self.send_response(200 if known else 404)
            self.end_headers()
            self.wfile.write(json.dumps({"messages": {"000000000000": made.records}}).encode())

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.endpoint = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        server.shutdown()
        thread.join()


@pytest.fixture
def stack(emulator: Emulator) -> Iterator[Stack]:
    with moto_stack(tables=True) as moto:
        sesv2 = SimpleNamespace(meta=SimpleNamespace(endpoint_url=emulator.endpoint))
        yield replace(moto, name="order-processing-local", _clients={"sesv2": sesv2})


@pytest.fixture
def orders(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Command:
    return Command(stack, monkeypatch)


def test_an_orders_mails_are_read_the_oldest_first_and_no_other(
    orders: Command, emulator: Emulator, tmp_path: Path
) -> None:
    emulator.put(1, "12345", BodyText="text \x1b[31m1\n")
    emulator.put(2, "123456")
    emulator.put(3, "12345")
    shown = orders("email", "read", "12345", "--html", str(tmp_path / "mail.html"))
    assert shown.code == 0
    assert shown.out.index("text \\x1b[31m1") < shown.out.index("mail     2 of 2") < shown.out.index("text 3")
    assert "text 2" not in shown.out
    assert "sent     2026-01-01 00:00:03 UTC, message m-3\n" in shown.out
    assert "functions/send_email/templates/" in shown.err
    assert (tmp_path / "mail.html").read_text("utf-8") == "<p>é 3</p>"
    first, last = orders.json("email", "read", "12345", schema="email-read")["mails"]
    assert (first["text"], last["html"]) == ("text \x1b[31m1\n", "<p>é 3</p>")
    assert last["recipients"] == ["you@example.com"]


def test_a_mail_is_found_whatever_the_orders_id_holds(orders: Command, emulator: Emulator) -> None:
    """The subject is one line; an id may hold what breaks lines."""
    emulator.put(1, "a b", BodyHtml=None)
    (mail,) = orders.json("email", "read", "a\u2028b", schema="email-read")["mails"]
    assert mail["html"] is None


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        ({"status": "REJECTED"}, "no mail has left; nobody has tried to send one, the order is REJECTED"),
        (
            {"status": "CONFIRMED", "email_status": "REJECTED", "email_error": "SES: no"},
            "no mail has left; its mail is REJECTED: SES: no",
        ),
        (None, "order '12345' has no row"),
    ],
)
def test_without_a_mail_the_reason_is_named(
    orders: Command, stack: Stack, attributes: dict[str, str] | None, told: str
) -> None:
    if attributes:
        put(
            stack,
            "OrdersTableName",
            **{name: {"S": text} for name, text in {"order_id": "12345", **attributes}.items()},
        )
    answer = orders("email", "read", "12345")
    assert (answer.code, answer.out) == (1, "")
    assert told in answer.err


def test_on_aws_no_mail_can_be_read(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = Command(replace(stack, name="order-processing-dev"), monkeypatch)("email", "read", "12345")
    assert (answer.code, answer.out) == (1, "")
    assert "AWS keeps no mail that was sent" in answer.err


def test_a_file_that_cannot_be_written_is_named(orders: Command, emulator: Emulator, tmp_path: Path) -> None:
    emulator.put(1, "12345")
    refused = orders("email", "read", "12345", "--html", str(tmp_path / "nowhere" / "mail.html"))
    assert (refused.code, refused.out) == (2, "")
    assert "mail.html: No such file or directory" in refused.err


def test_an_emulator_that_keeps_no_mails_is_an_error(orders: Command, emulator: Emulator) -> None:
    emulator.records = None
    answer = orders("email", "read", "12345")
    assert (answer.code, answer.out) == (3, "")
    assert "did not return its mails: 404" in answer.err


def test_a_local_aws_that_is_away_is_an_error(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    away = SimpleNamespace(meta=SimpleNamespace(endpoint_url="http://127.0.0.1:1"))
    answer = Command(replace(stack, _clients={"sesv2": away}), monkeypatch)("email", "read", "12345")
    assert (answer.code, answer.out) == (3, "")
    assert "did not return its mails" in answer.err
