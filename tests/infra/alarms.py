"""CloudWatch's part, in small: which alarms of a template ring over given metrics.

Time goes in slots of five minutes. A metric's series has a value a slot, None where nothing was reported. Metric math
is read as Python, whose grammar it shares as far as it is used here; whatever else comes up is refused.
"""

import ast
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from tests.infra.conftest import Template
from tests.infra.resources import text

SLOT = 300  # seconds

Value = float | None
Series = Sequence[Value]
# By the metric's name and the value of its dimension: every metric here has exactly one.
Metrics = Mapping[tuple[str, str], Series]

_STATISTICS: Mapping[str, Callable[[Sequence[float]], float]] = {"Sum": sum, "Maximum": max}
_BREACHES = {"GreaterThanOrEqualToThreshold": operator.ge}
_BINARY = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
_COMPARE = {ast.GtE: operator.ge, ast.Gt: operator.gt, ast.LtE: operator.le, ast.Lt: operator.lt}


def ringing(template: Template, metrics: Metrics) -> set[str]:
    """The ids of the alarms that are in ALARM at any time while these metrics come in."""
    return set().union(*follow_alarms(template, metrics))


def follow_alarms(template: Template, metrics: Metrics) -> Iterator[set[str]]:
    """The ids of the alarms that are in ALARM, slot by slot."""
    every = alarms(template)
    simple = {alarm_id: properties for alarm_id, properties in every.items() if "AlarmRule" not in properties}
    rules = {alarm_id: text(every[alarm_id]["AlarmRule"]) for alarm_id in every.keys() - simple.keys()}
    ids = {
        logical_id: _id(template, resource)
        for logical_id, resource in template.of_type("AWS::CloudWatch::Alarm").items()
    }
    now: set[str] = set()
    for slot in range(max(map(len, metrics.values()), default=1)):
        now = {alarm_id for alarm_id, alarm in simple.items() if _breaches(alarm, metrics, slot, alarm_id in now)}
        states = {logical_id: alarm_id in now for logical_id, alarm_id in ids.items()}
        yield now | {alarm_id for alarm_id, rule in rules.items() if _follows(rule, states)}


def alarms(template: Template) -> dict[str, Any]:
    """Every alarm's properties by its id, which is what comes after the stack in its name."""
    return {
        _id(template, resource): resource["Properties"]
        for kind in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
        for resource in template.of_type(kind).values()
    }


def watched(properties: Any) -> set[tuple[str, str]]:
    """(metric, value of its dimension) of all that an alarm reads."""
    return {_identity(stat) for stat in _stats(properties).values()}


def evaluate(expression: str, values: Mapping[str, Value]) -> Value:
    """Metric math at one moment: what is missing makes the result missing, unless it is filled."""
    return _evaluate(_parsed(expression), values)


def _id(template: Template, alarm: Any) -> str:
    return text(alarm["Properties"]["AlarmName"]).removeprefix(f"order-processing-{template.stage}-")


def _breaches(properties: Any, metrics: Metrics, slot: int, before: bool) -> bool:
    """Whether all the newest periods breach; a missing one does not, or leaves the alarm as it was before."""
    missing = properties["TreatMissingData"]
    assert missing in {"notBreaching", "ignore"}
    assert properties.get("DatapointsToAlarm", properties["EvaluationPeriods"]) == properties["EvaluationPeriods"]
    breaches = _BREACHES[properties["ComparisonOperator"]]
    slots = _period(properties) // SLOT
    newest = [_datapoint(properties, metrics, slot - back * slots) for back in range(properties["EvaluationPeriods"])]
    if missing == "ignore" and None in newest:
        return before
    return all(value is not None and breaches(value, properties["Threshold"]) for value in newest)


def _datapoint(properties: Any, metrics: Metrics, last: int) -> Value:
    """The alarm's value of the period whose last slot is `last`."""
    values = {name: _aggregate(stat, metrics, last) for name, stat in _stats(properties).items()}
    expressions = [item["Expression"] for item in properties.get("Metrics", ()) if "Expression" in item]
    if expressions:
        (expression,) = expressions
        return evaluate(expression, values)
    (value,) = values.values()
    return value


def _aggregate(stat: Any, metrics: Metrics, last: int) -> Value:
    series = metrics.get(_identity(stat), ())
    window = range(last - stat["Period"] // SLOT + 1, last + 1)
    reported = [value for slot in window if 0 <= slot < len(series) and (value := series[slot]) is not None]
    return _STATISTICS[stat["Stat"]](reported) if reported else None


def _stats(properties: Any) -> dict[str, Any]:
    if "Metrics" in properties:
        return {
            item["Id"]: item["MetricStat"] | item["MetricStat"]["Metric"]
            for item in properties["Metrics"]
            if "MetricStat" in item
        }
    return {"m": properties | {"Stat": properties["Statistic"]}}


def _period(properties: Any) -> int:
    (period,) = {stat["Period"] for stat in _stats(properties).values()}
    assert period % SLOT == 0
    return int(period)


def _identity(stat: Any) -> tuple[str, str]:
    (dimension,) = stat["Dimensions"]
    return stat["MetricName"], text(dimension["Value"]).removesuffix(".QueueName")


def _evaluate(node: ast.expr, values: Mapping[str, Value]) -> Value:
    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.Name(id=name):
            return values[name]
        case ast.Call(func=ast.Name(id="FILL"), args=[series, filling]):
            value = _evaluate(series, values)
            return _evaluate(filling, values) if value is None else value
        case ast.Call(func=ast.Name(id="IF"), args=[condition, then, otherwise]):
            holds = _evaluate(condition, values)
            return None if holds is None else _evaluate(then if holds else otherwise, values)
        case ast.BinOp(left=left, op=op, right=right):
            return _both(_BINARY[type(op)], _evaluate(left, values), _evaluate(right, values))
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _both(_COMPARE[type(op)], _evaluate(left, values), _evaluate(right, values))
    raise AssertionError(f"no metric math that is known here: {ast.unparse(node)}")


def _both(operation: Callable[[float, float], float], left: Value, right: Value) -> Value:
    return None if left is None or right is None else float(operation(left, right))


def _follows(rule: str, states: Mapping[str, bool]) -> bool:
    """A composite alarm's rule, such as `(ALARM("A.Arn") OR ALARM("B.Arn"))`."""
    python = re.sub(r'ALARM\("(\w+)\.Arn"\)', r"\1", rule).replace(" OR ", " or ").replace(" AND ", " and ")
    return _holds(_parsed(python), states)


@cache
def _parsed(expression: str) -> ast.expr:
    return ast.parse(expression, mode="eval").body


def _holds(node: ast.expr, states: Mapping[str, bool]) -> bool:
    match node:
        case ast.Name(id=name):
            return states[name]
        case ast.BoolOp(op=ast.Or(), values=parts):
            return any(_holds(part, states) for part in parts)
        case ast.BoolOp(op=ast.And(), values=parts):
            return all(_holds(part, states) for part in parts)
    raise AssertionError(f"no rule that is known here: {ast.unparse(node)}")
