"""MiniStack behind a guard that keeps web pages out. Run by its path in place of `python -m ministack`.

MiniStack answers everybody who reaches it, allows every origin, and runs functions as processes of this machine:
any page open in a browser beside it could read the tables, wipe them, or deploy code and run it. The runtime API, which
it opens on a port of its own for every warm function, would give a page the function's events and take its answers.

Browsers mark what a page sends to another origin (`Origin`, `Sec-Fetch-Site`, `Referer`), those too old for the marks
still call themselves `Mozilla/…`, and a name that was rebound to 127.0.0.1 still stands in `Host`. SDKs, the CDK and
the functions send none of these, so that they see no difference.

Imports nothing of `ops`: a file run by its path finds no package around it.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any, Final

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# `bucket.localhost` is how SDKs name a bucket at http://localhost; browsers resolve it to this machine themselves.
_OWN_HOST: Final = re.compile(r"(?:127\.0\.0\.1|(?:[a-z0-9.-]+\.)?localhost)(?::[0-9]{1,5})?", re.IGNORECASE)
# Pages that a person may open by typing the address. Anything else could be a link in a mail or chat, which browsers
# mark alike: `GET /?Action=CreateStack&TemplateBody=…` runs code.
_MAY_BE_TYPED: Final = frozenset(
    {"/_ministack/health", "/_ministack/ready", "/_ministack/ses/messages", "/_ministack/sqs/messages"}
)


def guard_app(app: App) -> App:
    """Put the guard in front of an ASGI app."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        refusal = None if scope["type"] == "lifespan" else _find_refusal_of(scope)
        if refusal is None:
            await app(scope, receive, _without_cors(send))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close"})  # before it was accepted: the server answers 403
        else:
            await _send_refusal(send, refusal)

    return guarded


def guard_handlers(base: type[BaseHTTPRequestHandler] = BaseHTTPRequestHandler) -> None:
    """Put the guard in front of whatever `http.server` serves in this process, through the handlers' base class."""
    parse = base.parse_request

    def parse_guarded(self: BaseHTTPRequestHandler) -> bool:
        if not parse(self):
            return False
        refusal = find_refusal(self.command, self.path, self.headers.items())
        if refusal is not None:
            self.send_error(HTTPStatus.FORBIDDEN, explain=refusal)  # and closes: the body is left unread
        return refusal is None

    base.parse_request = parse_guarded  # type: ignore[method-assign]


def find_refusal(method: str, path: str, headers: Iterable[tuple[str, str]]) -> str | None:
    """Return why a request is refused, in one sentence; None for one that no page of another origin can have sent."""
    sent: dict[str, list[str]] = {}
    for name, value in headers:
        sent.setdefault(name.lower(), []).append(value)
    hosts, origins, sites = (sent.get(name, []) for name in ("host", "origin", "sec-fetch-site"))
    if len(hosts) != 1 or not _OWN_HOST.fullmatch(hosts[0]):
        return f"The local AWS answers to 127.0.0.1 and localhost alone, not to Host {', '.join(hosts) or '(none)'}."
    own = f"http://{hosts[0]}"
    if origins and origins != [own]:
        return f"The local AWS takes nothing from web pages; this request came from {', '.join(origins)}."
    if any(not referer.startswith(f"{own}/") for referer in sent.get("referer", [])):
        return f"The local AWS takes nothing from web pages; this request came from {', '.join(sent['referer'])}."
    if any(site != "same-origin" for site in sites) and not (sites == ["none"] and _may_be_typed(method, path)):
        return "The local AWS takes nothing from web pages and links; this request came through a browser."
    if not sites and any(agent.startswith("Mozilla/") for agent in sent.get("user-agent", [])):
        return "The local AWS takes nothing from browsers that do not say where a request comes from; use a newer one."
    return None


def _find_refusal_of(scope: Scope) -> str | None:
    headers = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    return find_refusal(scope.get("method", ""), scope["path"], headers)


def _may_be_typed(method: str, path: str) -> bool:
    return method == "GET" and path in _MAY_BE_TYPED


def _without_cors(send: Send) -> Send:
    """Take back what allows every origin, in case a browser asks in a way that was not thought of."""

    async def strip(message: Message) -> None:
        if "headers" in message:
            kept = [header for header in message["headers"] if not header[0].lower().startswith(b"access-control-")]
            message = {**message, "headers": kept}
        await send(message)

    return strip


async def _send_refusal(send: Send, refusal: str) -> None:
    body = f"{refusal}\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": HTTPStatus.FORBIDDEN, "headers": headers})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    import ministack.app  # type: ignore[import-untyped]

    guard_handlers()
    ministack.app.app = guard_app(ministack.app.app)  # what `main` serves
    ministack.app.main()
