"""moto's interpreter of the Amazon States Language, with handlers of this process where it would call Lambda."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache, wraps
from itertools import count
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from awslambdaric.bootstrap import handle_event_request
from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller
from moto.stepfunctions.parser.asl.component.common.retry import jitter_strategy_decl, retrier_decl
from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import EvalTimeoutError
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.utils import json_path
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from ops.local_aws import REGION
from tools.insides.memory import ACCOUNT

Answer = dict[str, Any]
Handler = Callable[[dict[str, Any], Any], Any]
_parse_definition = cache(AmazonStateLanguageParser.parse)
_parse_path = cache(vars(json_path)["parse"])  # jsonpath_ng's, as moto has imported it


@contextmanager
def tasks_answered_by(answer: Callable[[dict[str, Any]], Answer]) -> Iterator[None]:
    """Have a function answer what a Task asks of Lambda, from its `Parameters`.

    moto runs a Lambda function in a Docker container, and one that has failed has no error type there.
    """
    with patch.object(lambda_eval_utils, "_invoke_lambda_function", lambda parameters, **_: answer(parameters)):
        yield


@contextmanager
def interpreted_at_once(*, wait: Callable[[float], None], ended: Callable[[], None]) -> Iterator[None]:
    """Hand the seconds of each wait to `wait`, and call `ended` when an execution has ended.

    FULL jitter draws from 0 to the interval: here always the most, so that the back-off can be read off the waits. The
    definition is parsed once, where moto parses it at every start, which takes longer than the execution itself; so is
    each path, a quarter of a run. And moto's executions end in a thread of their own and report it to nobody.
    """
    terminated = BaseExecutionWorkerCommunication.terminated

    @wraps(terminated)
    def end(communication: BaseExecutionWorkerCommunication) -> None:
        terminated(communication)
        ended()

    with ExitStack() as stack:
        for target, name, replacement in (
            (jitter_strategy_decl, "random", SimpleNamespace(uniform=lambda _low, high: high)),
            (retrier_decl, "time", SimpleNamespace(sleep=wait)),
            (AmazonStateLanguageParser, "parse", _parse_definition),
            (json_path, "parse", _parse_path),
            (BaseExecutionWorkerCommunication, "terminated", end),
        ):
            stack.enter_context(patch.object(target, name, replacement))
        yield


def describe_execution(arn: str) -> Any:
    """Give an execution as moto's interpreter keeps it: `status`, `output`, `error`, `cause`, `to_history_output()`."""
    return stepfunctions_parser_backends[ACCOUNT][REGION].describe_execution(arn)


def time_out_task() -> Answer:
    """Answer a Task by its timeout."""
    raise EvalTimeoutError


class _Runtime:
    """Lambda's runtime API, of which AWS's runtime client knows this much."""

    def __init__(self) -> None:
        self.marshaller = LambdaMarshaller()
        self.answer: Answer = {}

    def post_invocation_result(self, _invocation: str, result: str, *_: Any) -> None:
        self.answer = {"StatusCode": 200, "Payload": json.loads(result)}

    def post_invocation_error(self, _invocation: str, error: str, *_: Any) -> None:
        self.answer = {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": json.loads(error)}


_invocations = count(1)


def invoke_handler(handler: Handler, payload: bytes, *, arn: str, deadline: float) -> Answer:
    """Call a handler as `python -m awslambdaric` does, and give Lambda's answer; `deadline` is a time of the clock."""
    runtime = _Runtime()
    handle_event_request(
        runtime,
        handler,
        invoke_id=f"invocation-{next(_invocations)}",
        event_body=payload,
        content_type="application/json",
        client_context_json=None,
        cognito_identity_json=None,
        epoch_deadline_time_in_ms=int(deadline * 1000),
        invoked_function_arn=arn,
        tenant_id=None,
        log_sink=SimpleNamespace(log_error=lambda _lines: None),
    )
    return runtime.answer
