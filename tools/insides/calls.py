"""Botocore's calls: what goes over the wire to moto, without pauses between tries, and the one place all calls pass."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.client import BaseClient
from botocore.compat import HTTPHeaders
from botocore.validate import ParamValidator
from moto.core.botocore_stubber import MockRawResponse
from moto.core.models import botocore_stubber

Answer = AWSResponse | None
# An event's name and its request, as botocore sends them out.
Send = Callable[[str, AWSPreparedRequest], Answer]
Call = Callable[[Any, str, dict[str, Any]], Any]

make_call: Call = BaseClient._make_api_call  # type: ignore[attr-defined]  # private, but the one place all calls pass


def find_misfit(answer: dict[str, Any], shape: Any) -> str | None:
    """Say what of an answer is not as botocore's description of the service has it; None if nothing."""
    report = ParamValidator().validate(answer, shape)
    return report.generate_report() if report.has_errors() else None


def make_session(send: Send) -> Any:
    """Make a session whose clients send by this function what they would send to moto.

    moto answers in botocore's event before a request is sent, in every session that is made after its import.
    """
    session: Any = botocore.session.Session()  # the types of its events know no handler with an answer
    session.unregister("before-send", botocore_stubber)
    session.register("before-send", lambda event_name, request, **_: send(event_name, request))
    return session


def send_to_moto(event_name: str, request: AWSPreparedRequest) -> Answer:
    """Send a request to moto, in this process."""
    return botocore_stubber(event_name, request=request)


def make_answer(request: AWSPreparedRequest, status: int, headers: dict[str, str], body: str) -> AWSResponse:
    """Make an answer as it comes over HTTP; botocore reads its body as a stream."""
    return AWSResponse(request.url, status, HTTPHeaders.from_dict(headers), MockRawResponse(body))


@contextmanager
def without_pauses() -> Iterator[None]:
    """Have botocore try again at once; how often is the tests' matter, and how long it waits is botocore's."""
    with patch("botocore.endpoint.time", SimpleNamespace(sleep=lambda _seconds: None)):
        yield


@contextmanager
def calls_made_by(call: Call) -> Iterator[None]:
    """Have a function, which is no method, make every call of every client; `make_call` makes one."""
    with patch.object(BaseClient, "_make_api_call", call):
        yield
