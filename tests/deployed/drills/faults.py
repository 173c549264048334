"""The way of the functions to one AWS service, with a gate in it that can be broken and fixed at run time.

Each service has a gate and a port of its own: only so can one of them refuse connections while the others answer.
"""

import socket
import threading
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

HOST = "127.0.0.1"


class Fault(Enum):
    """What the gate does to a call."""

    DOWN = "nobody listens: connection refused"
    THROTTLED = "refused with ThrottlingException"
    DENIED = "refused with AccessDeniedException"
    # 507 is no answer that botocore itself tries again, as it does 500 and 503, with pauses: so a whole budget of
    # the state machine's retries is spent in seconds.
    BROKEN = "answered 507, without effect"
    BROKEN_AFTERWARDS = "done, and answered 507"
    LOST = "done, and the connection cut before the answer"


_EFFECTIVE = frozenset({Fault.BROKEN_AFTERWARDS, Fault.LOST})
_ANSWERS = {
    Fault.THROTTLED: (400, "ThrottlingException"),
    Fault.DENIED: (400, "AccessDeniedException"),
    Fault.BROKEN: (507, "InternalServerError"),
    Fault.BROKEN_AFTERWARDS: (507, "InternalServerError"),
}
_NOT_PASSED_ON = frozenset({"connection", "transfer-encoding", "content-length", "date", "server", "host"})


@dataclass
class Gate:
    """Passes one service's calls on to the local AWS, or does to them what its fault says.

    `injected` counts the calls that met a fault, by operation; refused connections leave nothing to count.
    """

    target: int = 0  # the port of the local AWS, once it is known
    injected: Counter[str] = field(default_factory=Counter)
    _fault: Fault | None = None
    _operation: str | None = None
    _containing: bytes = b""
    _server: ThreadingHTTPServer | None = None
    _held: socket.socket | None = None

    def __enter__(self) -> Self:
        self._held = _bound(0)
        self.port: int = self._held.getsockname()[1]
        self.fix()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop_listening()
        if self._held:
            self._held.close()

    def fail(self, fault: Fault, operation: str | None = None, containing: bytes = b"") -> None:
        """Break every call, or those to one operation, or with this in their body, until the gate is fixed."""
        self.fix()
        self._operation, self._containing, self._fault = operation, containing, fault
        if fault is Fault.DOWN:
            self._stop_listening()

    def fix(self) -> None:
        """Let every call pass."""
        self._fault = self._operation = None
        if self._server is None:
            self._listen()

    def fault_for(self, operation: str, body: bytes) -> Fault | None:
        """Give what is to be done to this call, and count it."""
        if self._fault is None or self._operation not in (None, operation) or self._containing not in body:
            return None
        self.injected[operation] += 1
        return self._fault

    def _listen(self) -> None:
        assert self._held
        gate = self

        class Handler(_Handler):
            pass

        Handler.gate = gate
        server = ThreadingHTTPServer((HOST, self.port), Handler, bind_and_activate=False)
        server.socket.close()
        server.socket, self._held = self._held, None
        server.server_activate()
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        self._server = server

    def _stop_listening(self) -> None:
        """Refuse connections, and keep the port: bound, without listening."""
        if self._server is None:
            return
        self._server.shutdown()
        self._server.server_close()
        self._server = None
        self._held = _bound(self.port)


def _bound(port: int) -> socket.socket:
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind((HOST, port))
    return held


class _Handler(BaseHTTPRequestHandler):
    """One call a connection: a gate that goes down is then down for every later call."""

    gate: Gate

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        operation = self.headers.get("X-Amz-Target", self.path).rpartition(".")[2]
        fault = self.gate.fault_for(operation, body)
        answer = self._passed_on(body) if fault is None or fault in _EFFECTIVE else None
        if fault is Fault.LOST:
            return
        if fault is not None:
            self._refuse(*_ANSWERS[fault])
        elif answer:
            self._answer(*answer)

    def _passed_on(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = HTTPConnection(HOST, self.gate.target, timeout=60)
        try:
            headers = {name: text for name, text in self.headers.items() if name.lower() not in _NOT_PASSED_ON}
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def _refuse(self, status: int, code: str) -> None:
        body = f'{{"__type": "{code}", "message": "injected"}}'.encode()
        self._answer(status, [("Content-Type", "application/json"), ("x-amzn-ErrorType", code)], body)

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response(status)
        for name, text in headers:
            if name.lower() not in _NOT_PASSED_ON:
                self.send_header(name, text)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing: a test's output is its own."""
