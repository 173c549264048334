"""A local server that answers the calls of an order's happy path at once, so that only the caller's time is left.

Run as a program, in a process of its own so as not to share the caller's interpreter lock; prints its port.
"""

import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_ROW = {
    "attempt": {"N": "1"},
    "customer_email": {"S": "customer@example.com"},
    "items": {
        "L": [{"M": {"item_id": {"S": f"item00{n}"}, "quantity": {"N": str(n)}}} for n in (1, 2, 3)],
    },
    "order_id": {"S": "bench-3-items"},
    "status": {"S": "CONFIRMED"},
}
_MAIL_PATH = "/v2/email/outbound-emails"


def answer_call(path: str, target: str, body: bytes) -> dict[str, Any]:
    """Answer one call; KeyError for one that is not on the happy path."""
    if path == _MAIL_PATH:
        return {"MessageId": "0100018f7e2b1c9a-9a1b2c3d-0000"}
    if target == "AWSStepFunctions.StartExecution":
        arn = "arn:aws:states:us-west-2:000000000000:execution:order-processing:bench-3-items"
        return {"executionArn": arn, "startDate": time.time()}
    wants_row = b'"ReturnValues": "ALL_NEW"' in body
    return {
        "DynamoDB_20120810.UpdateItem": {"Attributes": _ROW} if wants_row else {},
        "DynamoDB_20120810.TransactWriteItems": {},
    }[target]


class _Stub(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # botocore keeps its connections
    wbufsize = -1  # head and body in one packet: two would each wait for the other side's delayed acknowledgement
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """Answer one call."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            status, data = 200, answer_call(self.path, self.headers.get("X-Amz-Target", ""), body)
        except KeyError as unknown:
            status, data = 400, {"__type": "UnknownOperation", "message": str(unknown)}
        content = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing of each call."""


if __name__ == "__main__":
    with ThreadingHTTPServer(("127.0.0.1", 0), _Stub) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()
