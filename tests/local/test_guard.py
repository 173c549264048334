"""No web page drives the local AWS: what a browser sends for one of another origin, byte for byte, changes nothing."""

import io
import json
import socket
import sys
import zipfile
from collections.abc import Iterator

import psutil
import pytest

from local.aws import LocalAws
from local.aws.guard import find_refusal

FORM = "Content-Type: application/x-www-form-urlencoded"
PLAIN = "Content-Type: text/plain;charset=UTF-8"
FROM_A_PAGE = ("Origin: http://evil.example", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: cors")
FROM_AN_OLD_BROWSER = ("Origin: http://evil.example",)
MOZILLA = (
    "User-Agent: Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/16.3 Safari/605.1.15"
)
REFERER = "Referer: http://evil.example/"
FROM_ANOTHER_PORT = ("Origin: http://127.0.0.1:3000", "Sec-Fetch-Site: same-site")
CREATE = "Action=CreateQueue&QueueName=theirs&Version=2012-11-05"


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    with LocalAws.start() as running:
        yield running


def send(
    aws: LocalAws,
    request: str,
    *headers: str,
    body: str = "",
    host: str | None = "127.0.0.1:{port}",
    port: int | None = None,
) -> str:
    """Send these very bytes, as a browser would and no client library can; give the whole answer."""
    port = port or aws.port
    sent = [f"Host: {host.format(port=port)}"] if host else []
    lines = [request, *sent, *headers, f"Content-Length: {len(body)}", "Connection: close"]
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall("\r\n".join([*lines, "", body]).encode("latin-1"))
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode("latin-1")


def queues(aws: LocalAws) -> list[str]:
    found: list[str] = aws.client("sqs").list_queues().get("QueueUrls", [])
    return [url.rpartition("/")[2] for url in found]


PAGES = [
    ("fetch of a simple POST", "POST / HTTP/1.1", (*FROM_A_PAGE, FORM), CREATE),
    ("the same as text", "POST /?Action=CreateQueue&QueueName=theirs HTTP/1.1", (*FROM_A_PAGE, PLAIN), CREATE),
    ("an older browser", "POST / HTTP/1.1", (*FROM_AN_OLD_BROWSER, FORM), CREATE),
    ("a page of another port", "POST / HTTP/1.1", (*FROM_ANOTHER_PORT, FORM), CREATE),
    ("a sandboxed frame", "POST / HTTP/1.1", ("Origin: null", "Sec-Fetch-Site: cross-site", FORM), CREATE),
    ("odd spelling", "POST / HTTP/1.1", ("oRiGiN:http://evil.example", FORM), CREATE),
    (
        "two origins",
        "POST / HTTP/1.1",
        ("Origin: http://127.0.0.1:{port}", "Origin: http://evil.example", FORM),
        CREATE,
    ),
    ("two sites", "POST / HTTP/1.1", ("Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: cross-site", FORM), CREATE),
    ("a site not known yet", "POST / HTTP/1.1", ("Sec-Fetch-Site: elsewhere", FORM), CREATE),
    ("an image", f"GET /?{CREATE} HTTP/1.1", ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"), ""),
    ("a link followed", f"GET /?{CREATE} HTTP/1.1", ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"), ""),
    ("a link in a mail", f"GET /?{CREATE} HTTP/1.1", ("Sec-Fetch-Site: none", "Sec-Fetch-Mode: navigate"), ""),
    ("an encoded path", f"GET /%2e/?{CREATE} HTTP/1.1", ("Sec-Fetch-Site: cross-site",), ""),
    ("a whole address", f"GET http://127.0.0.1/?{CREATE} HTTP/1.1", ("Sec-Fetch-Site: cross-site",), ""),
    ("a readable path", f"GET /_ministack/health?{CREATE} HTTP/1.1", ("Sec-Fetch-Site: cross-site",), ""),
    ("an own name that only looks so", f"GET /_ministack/?{CREATE} HTTP/1.1", ("Sec-Fetch-Site: none",), ""),
    ("an image in a browser without Sec-Fetch", f"GET /?{CREATE} HTTP/1.1", (MOZILLA, REFERER), ""),
    ("the same without a Referer", f"GET /?{CREATE} HTTP/1.1", (MOZILLA,), ""),
    ("a Referer alone", f"GET /?{CREATE} HTTP/1.1", (REFERER,), ""),
    ("a Referer that only looks its own", f"GET /?{CREATE} HTTP/1.1", ("Referer: http://127.0.0.1:{port}@evil/",), ""),
    ("a HEAD", f"HEAD /?{CREATE} HTTP/1.1", ("Sec-Fetch-Site: cross-site",), ""),
]


@pytest.mark.parametrize(("request_line", "headers", "body"), [page[1:] for page in PAGES], ids=[p[0] for p in PAGES])
def test_what_a_page_sends_is_refused_and_changes_nothing(
    aws: LocalAws, request_line: str, headers: tuple[str, ...], body: str
) -> None:
    answer = send(aws, request_line, *(header.format(port=aws.port) for header in headers), body=body)
    assert answer.startswith("HTTP/1.1 403"), answer
    assert "access-control-" not in answer.lower()
    assert queues(aws) == []


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:{port}",
        "127.0.0.1.evil.example:{port}",
        "localhost.evil.example",
        "evil.example\t127.0.0.1",
        "0.0.0.0:{port}",
        "127.0.0.1:{port}@evil.example",
        "",
    ],
)
def test_a_name_rebound_to_this_machine_is_refused(aws: LocalAws, host: str) -> None:
    answer = send(aws, "POST / HTTP/1.1", FORM, body=CREATE, host=host or " ")
    assert answer.startswith(("HTTP/1.1 403", "HTTP/1.1 400")), answer
    assert queues(aws) == []


def test_without_a_host_or_with_two_nothing_is_taken(aws: LocalAws) -> None:
    assert send(aws, "POST / HTTP/1.0", FORM, body=CREATE, host=None).startswith("HTTP/1.1 403")
    assert send(aws, "POST / HTTP/1.1", "Host: evil.example", FORM, body=CREATE).startswith("HTTP/1.1 400")
    assert queues(aws) == []


def test_a_preflight_is_refused_and_the_wipe_with_it(aws: LocalAws) -> None:
    asked = ("Access-Control-Request-Method: POST", "Access-Control-Request-Headers: x-amz-target")
    answer = send(aws, "OPTIONS / HTTP/1.1", *FROM_A_PAGE, *asked)
    assert answer.startswith("HTTP/1.1 403")
    assert "access-control-" not in answer.lower()
    aws.client("dynamodb").create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    assert send(aws, "POST /_ministack/reset HTTP/1.1", *FROM_A_PAGE).startswith("HTTP/1.1 403")
    assert aws.client("dynamodb").list_tables()["TableNames"] == ["orders"]


def test_a_websocket_of_a_page_is_refused(aws: LocalAws) -> None:
    upgrade = ("Upgrade: websocket", "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==", "Sec-WebSocket-Version: 13")
    mqtt = "Sec-WebSocket-Protocol: mqtt"
    request = "GET /_aws/execute-api/abc/live HTTP/1.1\r\nConnection: Upgrade"
    assert send(aws, request, *FROM_AN_OLD_BROWSER, *upgrade, mqtt).startswith("HTTP/1.1 403")


def test_a_refusal_is_one_plain_sentence(aws: LocalAws) -> None:
    body = send(aws, "POST / HTTP/1.1", *FROM_A_PAGE, FORM, body=CREATE).partition("\r\n\r\n")[2]
    assert body == "The local AWS takes nothing from web pages; this request came from http://evil.example.\n"


def test_what_is_no_page_is_served_without_a_word_on_origins(aws: LocalAws) -> None:
    for answer in (
        send(aws, "POST / HTTP/1.1", FORM, body="Action=ListQueues&Version=2012-11-05"),
        send(aws, "GET /_ministack/ses/messages HTTP/1.1", "Sec-Fetch-Site: none"),  # typed by a person
        send(aws, "POST / HTTP/1.1", FORM, body="Action=ListQueues&Version=2012-11-05", host="localhost:{port}"),
        send(aws, "OPTIONS / HTTP/1.1"),
    ):
        assert answer.startswith("HTTP/1.1 200"), answer
        assert "access-control-" not in answer.lower()


BOOTSTRAP = f"""#!{sys.executable}
import http.client, os
api, path = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"]), "/2018-06-01/runtime/invocation/"
while True:
    api.request("GET", path + "next")
    event = api.getresponse()
    api.request("POST", path + event.headers["Lambda-Runtime-Aws-Request-Id"] + "/response", event.read())
    api.getresponse().read()
"""


def run_function(aws: LocalAws) -> object:
    """Deploy a function that answers with its event, and invoke it; its process stays warm."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        bootstrap = zipfile.ZipInfo("bootstrap")
        bootstrap.external_attr = 0o755 << 16
        archive.writestr(bootstrap, BOOTSTRAP)
    functions = aws.client("lambda")
    functions.create_function(
        FunctionName="echo",
        Runtime="provided.al2023",
        Handler="none",
        Role="arn:aws:iam::000000000000:role/none",
        Code={"ZipFile": code.getvalue()},
    )
    return json.load(functions.invoke(FunctionName="echo", Payload=b'{"for": "the function"}')["Payload"])


def listening(pid: int) -> set[int]:
    """Give the TCP ports on which a process listens."""
    connections = psutil.Process(pid).net_connections("tcp")
    return {connection.laddr.port for connection in connections if connection.status == psutil.CONN_LISTEN}


def test_every_port_it_listens_on_refuses_pages_and_serves_its_functions(aws: LocalAws) -> None:
    assert run_function(aws) == {"for": "the function"}
    ports = listening(aws.pid)
    assert len(ports - {aws.port}) > 0, "the runtime API of the warm function"
    request = "POST /2018-06-01/runtime/init/error HTTP/1.1"
    for port in ports:
        for headers in (FROM_A_PAGE, FROM_AN_OLD_BROWSER, (MOZILLA,), (REFERER,)):
            assert " 403 " in send(aws, request, *headers, PLAIN, body="{}", port=port).partition("\r\n")[0], (
                port,
                headers,
            )
        assert " 403 " in send(aws, request, PLAIN, body="{}", port=port, host="evil.example").partition("\r\n")[0], (
            port
        )


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:4566", "LOCALHOST:4566", "bucket.localhost:4566"])
def test_the_names_that_sdks_use_are_its_own(host: str) -> None:
    assert find_refusal("GET", "/", [("Host", host)]) is None


def test_a_page_of_its_own_origin_is_no_stranger() -> None:
    own = [("host", "127.0.0.1:4566"), ("origin", "http://127.0.0.1:4566"), ("sec-fetch-site", "same-origin")]
    browser = [("user-agent", "Mozilla/5.0"), ("referer", "http://127.0.0.1:4566/_ministack/health")]
    assert find_refusal("POST", "/", [*own, *browser]) is None
