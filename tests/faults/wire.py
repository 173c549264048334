"""The functions' connection to AWS: every call recorded, and one kind of fault put at any of them.

Faults are at the level of HTTP, so botocore's own tries are part of what happens. A late call is the very request that
the function sent, handed to AWS when its time has come.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from http import HTTPStatus
from typing import Any

import botocore.session
from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import ReadTimeoutError
from moto.core.models import botocore_stubber

from tests.functions.wire import Answer, Fault, answer_lost, answers


class Kind(Enum):
    """What can happen to a call."""

    DENIED = "denied"
    INVALID = "invalid"
    THROTTLED = "throttled"
    LOST_ONCE = "done, an answer lost"
    LOST = "done, all answers lost"
    KILLED = "done, then killed"
    LATE_RETRY = "late, after the retry"
    LATE_RELEASE = "late, after the release"
    LATE_END = "late, at the very end"
    DENIED_ON = "denied until mended"

    @property
    def late(self) -> bool:
        return self in (Kind.LATE_RETRY, Kind.LATE_RELEASE, Kind.LATE_END)


# The worst of both worlds: the effect is there and nobody knows, and the effect comes when nobody waits for it.
DANGEROUS = (Kind.KILLED, Kind.LATE_RELEASE)

_READS = ("Describe", "Get", "Query", "Scan", "List", "BatchGet", "TransactGet")


@dataclass(frozen=True, order=True)
class Call:
    """One AWS call: of which function, in its how-manieth invocation, and the how-manieth call there, each from 1."""

    function: str
    invocation: int
    number: int
    operation: str

    @property
    def writes(self) -> bool:
        return not self.operation.split(".")[1].startswith(_READS)

    def __str__(self) -> str:
        return f"{self.function}[{self.invocation}] {self.number} {self.operation}"


class Killed(BaseException):
    """The function's process is gone: nothing in it can catch this."""


def _killed(_request: AWSPreparedRequest, answer: Callable[[], Answer]) -> Answer:
    answer()
    raise Killed


_FAULTS: dict[Kind, Fault] = {
    Kind.DENIED: answers("AccessDeniedException"),
    Kind.DENIED_ON: answers("AccessDeniedException"),
    Kind.INVALID: answers("ValidationException"),
    Kind.THROTTLED: answers("ThrottlingException"),
    Kind.LOST: answer_lost(ReadTimeoutError),
    Kind.LOST_ONCE: answer_lost(ReadTimeoutError),
    Kind.KILLED: _killed,
}


@dataclass
class Late:
    """A request under way."""

    call: Call
    kind: Kind
    event_name: str
    request: AWSPreparedRequest


@dataclass
class Wire:
    """Stands where moto's own hook would; `after` runs after each request that reached AWS.

    `mailed` has the id and the tags of each mail that SES took: moto keeps no tags.
    """

    after: Callable[[], None] = lambda: None
    mailed: list[tuple[str, dict[str, list[str]]]] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    struck: list[Call] = field(default_factory=list)
    late: list[Late] = field(default_factory=list)
    plan: dict[Call, Kind] = field(default_factory=dict)
    _invocations: dict[str, int] = field(default_factory=dict)
    _function: str | None = None
    _number: int = 0
    _tries: int = 0

    def session(self) -> botocore.session.Session:
        """Make a session whose clients talk through this wire to moto."""
        session = botocore.session.Session()
        session.unregister("before-send", botocore_stubber)
        session.register("before-call", self._count)
        session.register("before-send", self._pass)
        return session

    def reset(self) -> None:
        for kept in (self.calls, self.struck, self.late, self.plan, self.mailed, self._invocations):
            kept.clear()
        self._function = None

    def invoked(self, function: str) -> None:
        """From here on the calls are those of this function's next invocation."""
        self._function, self._number = function, 0
        self._invocations[function] = self._invocations.get(function, 0) + 1

    def returned(self) -> None:
        """Whatever is called now is not a function's."""
        self._function = None

    def land(self, late: Late) -> None:
        """Let a late request reach AWS; nobody reads the answer."""
        self.late.remove(late)
        self._reach(late.event_name, late.request)

    def _count(self, event_name: str, **_: Any) -> None:
        if self._function is None:
            return
        self._number += 1
        self._tries = 0
        operation = event_name.removeprefix("before-call.")
        self.calls.append(Call(self._function, self._invocations[self._function], self._number, operation))

    def _pass(self, event_name: str, request: AWSPreparedRequest, **_: Any) -> Answer:
        if self._function is None:  # the test's own call
            return botocore_stubber(event_name, request=request)
        call = self.calls[-1]
        self._tries += 1
        kind = self._kind_at(call)
        if kind and self._tries == 1:
            self.struck.append(call)

        def answer() -> Answer:
            return self._reach(event_name, request)

        fault = _FAULTS.get(kind) if kind else None
        if fault and not (kind is Kind.LOST_ONCE and self._tries > 1):
            return fault(request, answer)
        if kind and kind.late:
            self.late.append(Late(call, kind, event_name, request))
            raise Killed
        return answer()

    def _reach(self, event_name: str, request: AWSPreparedRequest) -> Answer:
        answered = botocore_stubber(event_name, request=request)
        if event_name.endswith(".SendEmail") and answered.status_code == HTTPStatus.OK:
            tags = {tag["Name"]: [tag["Value"]] for tag in json.loads(request.body)["EmailTags"]}
            self.mailed.append((json.loads(answered.content)["MessageId"], tags))
        self.after()
        return answered

    def _kind_at(self, call: Call) -> Kind | None:
        for planned, kind in self.plan.items():
            later = kind is Kind.DENIED_ON and call.invocation > planned.invocation
            if call == planned or (later and (call.function, call.operation) == (planned.function, planned.operation)):
                return kind
        return None
