"""The gate does what its faults say, or the drills would prove nothing."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, RemoteDisconnected
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.deployed.drills.faults import HOST, Fault, Gate

Call = Callable[[str], int | type[Exception]]


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    server = ThreadingHTTPServer((HOST, 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def done() -> list[str]:
    """What has taken effect behind the gate."""
    return []


@pytest.fixture
def gate(done: list[str]) -> Iterator[Gate]:
    class Service(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            done.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: Any) -> None: ...

    with serving(Service) as port, Gate(target=port) as opened:
        yield opened


@pytest.fixture
def call(gate: Gate) -> Call:
    """Call an operation through the gate; give the status, or how the connection ended."""

    def post(operation: str) -> int | type[Exception]:
        connection = HTTPConnection(HOST, gate.port, timeout=10)
        try:
            connection.request("POST", "/", operation, {"X-Amz-Target": f"Service_2012.{operation}"})
            return connection.getresponse().status
        except ConnectionError as error:
            return type(error)
        finally:
            connection.close()

    return post


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        (Fault.DOWN, (ConnectionRefusedError, [])),
        (Fault.THROTTLED, (400, [])),
        (Fault.BROKEN, (507, [])),
        (Fault.BROKEN_AFTERWARDS, (507, ["Write"])),
        (Fault.LOST, (RemoteDisconnected, ["Write"])),
    ],
)
def test_a_fault_does_what_it_says_until_it_is_fixed(
    gate: Gate, call: Call, done: list[str], fault: Fault, seen: tuple[Any, list[str]]
) -> None:
    gate.fail(fault)
    assert (call("Write"), done) == seen
    assert gate.injected == ({} if fault is Fault.DOWN else {"Write": 1})
    gate.fix()
    assert call("Write") == 200


def test_a_fault_of_one_operation_lets_the_others_pass(gate: Gate, call: Call) -> None:
    gate.fail(Fault.BROKEN, "Write")
    assert (call("Read"), call("Write")) == (200, 507)
    assert gate.injected == {"Write": 1}
