"""A local server that answers the calls of an order's happy path at once, so that only the caller's time is left.

Run as a program, in a process of its own so as not to share the caller's interpreter lock; prints its port.
"""

import asyncio
import json
import time
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


def answer(path: str, target: str, body: bytes) -> dict[str, Any]:
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


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve one connection, request after request."""
    while line := await reader.readline():
        path = line.split()[1].decode()
        headers = {}
        while (line := (await reader.readline()).strip()) != b"":
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        try:
            status, data = b"200 OK", answer(path, headers.get("x-amz-target", ""), body)
        except KeyError as unknown:
            status, data = b"400 Bad Request", {"__type": "UnknownOperation", "message": str(unknown)}
        content = json.dumps(data).encode()
        writer.write(b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(content), content))
    writer.close()


async def _main() -> None:
    server = await asyncio.start_server(_serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())
