"""The questions that are saved beside the logs, and the logs that they are put to."""

from collections.abc import Mapping

import pytest

from infra.watch.questions import QUESTIONS
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


@pytest.mark.parametrize("query", QUESTIONS.values(), ids=QUESTIONS)
def test_a_question_is_one_that_insights_answers(query: str) -> None:
    """At most two stats, and sort after them; 50 log groups and 10,000 characters ("stats", "StartQuery")."""
    commands = [line.split()[0] for line in query.replace("\n    ", " ").replace("| ", "").splitlines()]
    assert set(commands) <= {"fields", "filter", "stats", "sort"}
    assert commands.count("stats") <= 2
    assert "sort" not in commands or commands.index("sort") == len(commands) - 1
    assert len(query) < 10_000
    assert len(FUNCTIONS) <= 50
