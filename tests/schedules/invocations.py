"""Handlers that stop at each AWS call until the test lets it go on, so that a test decides every interleaving.

Each runs in a thread of its own, and never two at a time: the thread is only what remembers where the handler stands.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError

# What botocore's standard mode tries again: https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
_RETRIED = frozenset({"ThrottlingException", "ProvisionedThroughputExceededException", "TooManyRequestsException"})
_INTERNAL = 500


class Killed(BaseException):
    """The invocation's process has ended here; no handler may catch it."""


@dataclass(frozen=True, slots=True)
class Request:
    """One try of an AWS call. All tries of a call have the same token, as botocore sees to."""

    service: str
    operation: str
    parameters: dict[str, Any]
    token: str

    def __str__(self) -> str:
        return f"{self.service}.{self.operation}"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a try comes back with."""

    answer: Any = None
    error: BaseException | None = None


class Invocation:
    """One run of a handler. It stands at `pending` until it is given a reply, or has ended."""

    def __init__(self, work: Callable[[], Any], name: str) -> None:
        self.name = name
        self.pending: Request | None = None
        self.ended = False
        self.killed = False
        self.answer: Any = None
        self.error: Exception | None = None
        self._broken: BaseException | None = None
        self._work = work
        self._reply = Reply()
        self._answer: Callable[[Request], Reply] | None = None
        self._go, self._stopped = _closed(), _closed()

    def start(self) -> None:
        """Run to the first call, or the end."""
        _workers.run(self._main)
        self._wait()

    def run(self, answer: Callable[[Request], Reply]) -> None:
        """Run to the end, here and now: where nothing happens in between, a thread is only slow."""
        self._answer = answer
        self._main()
        if self._broken:
            raise self._broken

    def proceed(self, reply: Reply) -> None:
        """Give the pending call this reply, and run to the next or the end."""
        assert self.pending is not None, f"{self.name} waits for nothing"
        self.pending, self._reply = None, reply
        self._go.release()
        self._wait()

    def ask(self, request: Request) -> Any:
        """Stop at a call; the handler's side of `proceed`."""
        if self._answer:
            reply = self._ask_here(self._answer, request)
        else:
            self.pending = request
            self._stopped.release()
            self._go.acquire()
            reply = self._reply
        if reply.error is not None:
            raise reply.error
        return reply.answer

    def _ask_here(self, answer: Callable[[Request], Reply], request: Request) -> Reply:
        try:
            return answer(request)
        except BaseException as broken:
            self._broken = broken  # a promise, and no handler's business
            raise Killed from broken

    def _wait(self) -> None:
        self._stopped.acquire()
        if self._broken:
            raise self._broken

    def _main(self) -> Callable[[], None]:
        _here.invocation = self
        try:
            self.answer = self._work()
        except Killed:
            self.killed = True
        except Exception as error:  # noqa: BLE001 — whatever a handler raises is what Lambda reports
            self.error = error
        except BaseException as broken:  # noqa: BLE001 — is raised again where the test waits
            self._broken = broken
        finally:
            _here.invocation = None
        self.ended = True
        return self._stopped.release


class Client:
    """A botocore client as the functions use it, with botocore's retries."""

    def __init__(self, service: str, tries: int, perform: Callable[[Request], Any]) -> None:
        self._service = service
        self._tries = tries
        self._perform = perform

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        if operation.startswith("_"):
            raise AttributeError(operation)

        def call(**parameters: Any) -> Any:
            request = Request(self._service, operation, parameters, f"token-{next(_numbers)}")
            invocation = getattr(_here, "invocation", None)
            if invocation is None:
                return self._perform(request)
            left = self._tries
            while True:
                left -= 1
                try:
                    return invocation.ask(request)
                except (ClientError, ConnectTimeoutError, ReadTimeoutError) as error:
                    if not left or not _worth_another_try(error):
                        raise

        return call


def _worth_another_try(error: Exception) -> bool:
    if not isinstance(error, ClientError):
        return True
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return status >= _INTERNAL or error.response["Error"]["Code"] in _RETRIED


def _closed() -> threading.Lock:
    """A gate that one thread waits at until another opens it, once; a semaphore costs ten times as much."""
    gate = threading.Lock()
    gate.acquire()
    return gate


class _Workers:
    """Threads kept for the next invocation: making one costs more than most invocations."""

    def __init__(self) -> None:
        self._idle: list[_Worker] = []
        self._all: list[_Worker] = []

    def run(self, job: Callable[[], Callable[[], None]]) -> None:
        if not self._idle:
            worker = _Worker(self._idle)
            self._all.append(worker)
            worker.thread.start()
        else:
            worker = self._idle.pop()
        worker.give(job)

    def close(self) -> None:
        """End all threads; every invocation must have ended."""
        assert len(self._idle) == len(self._all), "an invocation is still under way"
        for worker in self._all:
            worker.give(None)
            worker.thread.join()
        self._idle.clear()
        self._all.clear()


class _Worker:
    def __init__(self, idle: "list[_Worker]") -> None:
        self._idle = idle
        self._job: Callable[[], Callable[[], None]] | None = None
        self._ready = _closed()
        self.thread = threading.Thread(target=self._loop, daemon=True)

    def give(self, job: Callable[[], Callable[[], None]] | None) -> None:
        self._job = job
        self._ready.release()

    def _loop(self) -> None:
        while True:
            self._ready.acquire()
            if self._job is None:
                return
            tell = self._job()
            self._idle.append(self)  # before the test is told, which may want a thread at once
            tell()


_here = threading.local()
_numbers = count(1)
_workers = _Workers()
close_workers = _workers.close
