"""What the cost model takes for granted about the stack."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.paths import ROOT
from ops.cost.prices import ALARM_METRICS, COMPOSITE_ALARMS, CUSTOM_METRICS
from tests.infra.conftest import Template

# How the functions' own metrics are called: what is counted and what is measured.
_NAME = re.compile(r'"((?:Orders|Mails|MailEvents|Steps|Seconds)[A-Z][A-Za-z]+)"')


def metrics_read(alarm: Mapping[str, Any]) -> int:
    """How many metrics an alarm is paid for: one, or those that its expression reads."""
    parts = alarm.get("Metrics", [{"MetricStat": {}}])
    return sum("MetricStat" in part for part in parts)


def test_the_cost_model_counts_the_alarms_that_the_stack_has(templates: Mapping[str, Template]) -> None:
    prod = templates["prod"]
    alarms = [alarm["Properties"] for alarm in prod.of_type("AWS::CloudWatch::Alarm").values()]
    assert sum(map(metrics_read, alarms)) == ALARM_METRICS
    assert len(prod.of_type("AWS::CloudWatch::CompositeAlarm")) == COMPOSITE_ALARMS
    assert len(prod.of_type("AWS::CloudWatch::Dashboard")) == 1


def test_the_cost_model_counts_the_metrics_that_the_functions_write() -> None:
    sources = [path.read_text("utf-8") for path in Path(ROOT, "functions").rglob("*.py")]
    assert len({name for text in sources for name in _NAME.findall(text)}) == CUSTOM_METRICS
