"""The questions that are saved beside the logs, and the logs that they are put to."""

import re
from collections.abc import Mapping

import pytest

from infra.watch.questions import QUESTIONS
from ops.orders.logs import name_function
from tests.infra.conftest import Template
from tests.infra.resources import FUNCTIONS, STEPS, log_group_id, texts

ASKED = {
    "failed executions by cause": set(FUNCTIONS),
    "one order's story": set(FUNCTIONS),
    "slowest states": set(STEPS),
    "refusals by reason": {"StartWorkflow"},
    "from publish to mail": {"StartWorkflow", "SendEmail"},
}


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_each_question_is_put_to_the_logs_that_can_answer_it(templates: Mapping[str, Template], stage: str) -> None:
    template = templates[stage]
    saved = [item["Properties"] for item in template.of_type("AWS::Logs::QueryDefinition").values()]
    assert {item["Name"]: item["QueryString"] for item in saved} == {
        f"order-processing-{stage}/{name}": query for name, query in QUESTIONS.items()
    }
    groups = {log_group_id(template, name): name for name in FUNCTIONS}
    for item in saved:
        asked = {groups[group] for group in texts(item["LogGroupNames"])}
        assert asked == ASKED[item["Name"].partition("/")[2]]


def test_the_local_logs_know_no_questions(templates: Mapping[str, Template]) -> None:
    assert not templates["local"].of_type("AWS::Logs::QueryDefinition")


# The shapes that the user guide of CloudWatch Logs shows ("stats", "fields", "filter", "sort", "Functions"). A stack is
# deployed with any text: what Insights does not know shows when somebody asks the question.
FIELD = r"[@\w][\w.]*"
GATHERED = rf"(?:(?:count|sum|max|sortsLast)\((?:\*|{FIELD})\)|pct\({FIELD}, \d+\))"
COLUMN = rf"{GATHERED}(?: \+ {GATHERED})* as \w+"
GROUP = rf"(?:substr\({FIELD}, \d+\) as \w+|{FIELD})"
CONDITION = rf'(?:{FIELD} (?:=|>) (?:"[^"]*"|\d+)|{FIELD} in \[[^\]]*\]|ispresent\({FIELD}\))'
PART = rf'(?:concat\((?:{FIELD}|"[^"]*")(?:, (?:{FIELD}|"[^"]*"))*\) as \w+|{FIELD})'
SHOWN = {
    "fields": rf"fields {PART}(?:, {PART})*",
    "filter": rf"filter {CONDITION}(?: (?:and|or) {CONDITION})*",
    "stats": rf"stats {COLUMN}(?:, {COLUMN})*(?: by {GROUP}(?:, {GROUP})*)?",
    "sort": rf"sort {FIELD} (?:asc|desc)",
}


def commands_of(query: str) -> list[str]:
    return [" ".join(command.split()) for command in query.split("\n| ")]


@pytest.mark.parametrize("query", QUESTIONS.values(), ids=QUESTIONS)
def test_a_question_is_written_as_the_pages_of_insights_show_it(query: str) -> None:
    for command in commands_of(query):
        assert re.fullmatch(SHOWN[command.split()[0]], command), command


@pytest.mark.parametrize("query", QUESTIONS.values(), ids=QUESTIONS)
def test_a_question_is_one_that_insights_answers(query: str) -> None:
    """At most two stats, and sort after them; 50 log groups and 10,000 characters ("stats", "StartQuery")."""
    commands = [command.split()[0] for command in commands_of(query)]
    assert commands.count("stats") <= 2
    assert "sort" not in commands or commands.index("sort") == len(commands) - 1
    assert len(query) < 10_000
    assert len(FUNCTIONS) <= 50


@pytest.mark.parametrize("stage", ["local", "dev", "prod"])
def test_an_orders_lines_are_looked_for_in_the_log_of_each_function_and_in_no_other(
    templates: Mapping[str, Template], stage: str
) -> None:
    """`orders logs` finds the groups by their logical ids."""
    template = templates[stage]
    named = {group: name for group in template.of_type("AWS::Logs::LogGroup") if (name := name_function(group))}
    assert named == {log_group_id(template, name): name for name in FUNCTIONS}
