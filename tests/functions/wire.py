"""What passes between the functions' clients and AWS: recorded, and faults put in its way.

A fault is an answer or a lost connection at the level of HTTP, so botocore's own parsing and retries are part of what
is tested.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import BotoCoreError

from tools.insides.calls import Answer, make_answer, make_session, send_to_moto

FOREVER = 1_000_000

Fault = Callable[[AWSPreparedRequest, Callable[[], Answer]], Answer]


@dataclass(frozen=True)
class Request:
    """One request as it went out."""

    operation: str
    body: dict[str, Any]


@dataclass
class _Rule:
    operation: str
    fault: Fault
    where: str
    skip: int
    times: int

    def applies(self, request: Request) -> bool:
        if request.operation != self.operation or self.where not in json.dumps(request.body):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        return self.times >= 0


@dataclass
class Wire:
    """Stands where moto's own hook would."""

    requests: list[Request] = field(default_factory=list)
    _rules: list[_Rule] = field(default_factory=list)

    def session(self) -> Any:
        """Make a session whose clients talk through this wire to moto."""
        return make_session(self._pass)

    def fault(self, operation: str, fault: Fault, *, where: str = "", skip: int = 0, times: int = FOREVER) -> None:
        """Let `fault` happen to the requests that hold the text `where`, after the first `skip` of them."""
        self._rules.append(_Rule(operation, fault, where, skip, times))

    @property
    def faulty(self) -> bool:
        return bool(self._rules)

    def reset(self) -> None:
        self.requests.clear()
        self._rules.clear()

    def of(self, operation: str) -> list[dict[str, Any]]:
        """The bodies of an operation's requests, every try its own."""
        return [request.body for request in self.requests if request.operation == operation]

    def _pass(self, event_name: str, request: AWSPreparedRequest) -> Answer:
        body: Any = request.body or "{}"
        recorded = Request(event_name.rpartition(".")[2], json.loads(body))
        self.requests.append(recorded)

        def answer() -> Answer:
            return send_to_moto(event_name, request)

        for rule in self._rules:
            if rule.applies(recorded):
                return rule.fault(request, answer)
        return answer()


def answers(code: str, status: int = 400, **body: Any) -> Fault:
    """AWS does nothing and answers with an error."""

    def fault(request: AWSPreparedRequest, _answer: Callable[[], Answer]) -> Answer:
        content = json.dumps({"__type": code, "message": "something"} | body)
        return make_answer(request, status, {"x-amzn-ErrorType": code}, content)

    return fault


def never_arrives(error: Callable[..., BotoCoreError]) -> Fault:
    """The request does not reach AWS."""

    def fault(request: AWSPreparedRequest, _answer: Callable[[], Answer]) -> Answer:
        raise error(endpoint_url=request.url, proxy_url="proxy", error="none")

    return fault


def answer_lost(error: Callable[..., BotoCoreError]) -> Fault:
    """AWS does as it is asked, and its answer does not arrive."""

    def fault(request: AWSPreparedRequest, answer: Callable[[], Answer]) -> Answer:
        answer()
        raise error(endpoint_url=request.url, error="none")

    return fault


def meanwhile(action: Callable[[], object]) -> Fault:
    """Something else happens just before the request reaches AWS."""

    def fault(_request: AWSPreparedRequest, answer: Callable[[], Answer]) -> Answer:
        action()
        return answer()

    return fault


def cancelled(*reasons: str | dict[str, Any]) -> Fault:
    """DynamoDB cancels a transaction; `reasons` has one an action, the code "None" for those that would have passed."""
    return answers(
        "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        CancellationReasons=[{"Code": reason} if isinstance(reason, str) else reason for reason in reasons],
    )
