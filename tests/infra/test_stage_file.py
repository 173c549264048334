"""A stage's file is remembered, checked, and second to the command line."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.paths import ROOT
from infra.settings import Settings, SettingsError
from infra.stage_file import add_stage_file

EXAMPLE = (ROOT / "stages" / "example.toml").read_text("utf-8")


def read_settings(folder: Path, text: str | None = None, **context: Any) -> Settings:
    """Give the settings of stage dev, whose file has this text."""
    context = {"stage": "dev", **context}
    if text is not None:
        (folder / f"{context['stage']}.toml").write_text(text, "utf-8")
    return Settings.from_context(add_stage_file(context.get, folder))


def test_a_stages_file_says_what_the_command_line_does_not(tmp_path: Path) -> None:
    text = """
        sender_email = "orders@example.com"
        alarm_email = "oncall@example.com"
        ses_sandbox = false
        create_sender_identity = false
        publishers = ["111111111111", "arn:aws:iam::222222222222:role/checkout"]
    """
    assert read_settings(tmp_path, text) == Settings.for_stage(
        "dev",
        sender_email="orders@example.com",
        alarm_email="oncall@example.com",
        ses_sandbox=False,
        create_sender_identity=False,
        publishers="111111111111,arn:aws:iam::222222222222:role/checkout",
    )


def test_the_command_line_wins(tmp_path: Path) -> None:
    text = 'sender_email = "file@example.com"\nalarm_email = "file@example.com"\nses_sandbox = true\n'
    made = read_settings(tmp_path, text, sender_email="given@example.com", ses_sandbox="false", release="7")
    assert (made.sender_email, made.alarm_email, made.ses_sandbox, made.release) == (
        "given@example.com",
        "file@example.com",
        False,
        "7",
    )


def test_without_a_file_the_command_line_is_all(tmp_path: Path) -> None:
    assert read_settings(tmp_path, sender_email="a@example.com") == Settings.for_stage(
        "dev", sender_email="a@example.com"
    )
    with pytest.raises(SettingsError, match=r"^sender_email: required in stage dev: .* or in stages/dev\.toml\)$"):
        read_settings(tmp_path)


def test_the_local_stage_has_no_file(tmp_path: Path) -> None:
    assert read_settings(tmp_path, "nonsense", stage="local") == Settings.for_stage("local")


@pytest.mark.parametrize(
    ("line", "refusal"),
    [
        ('alarm_mail = "a@example.com"', "alarm_mail: must be one of sender_email, alarm_email, ses_sandbox, "),
        ('stage = "dev"', "stage: must be one of sender_email"),
        ('"\\u001b[2J" = "x"', "'\\x1b[2J': must be one of sender_email"),
        ("[alarms]\nx = 1", "alarms: must be one of sender_email"),
        ('release = "7"', "release: is for one deploy only: give it as -c release=…"),
        ("shift = false", "shift: is for one deploy only: give it as -c shift=…"),
        ('alarm_email = ""', "alarm_email: must be one plain address"),
        ('sender_email = "*@example.com"', "sender_email: must be one plain address"),
        ('ses_sandbox = "true"', "ses_sandbox: must be true or false, without quotes, not 'true'"),
        ("create_sender_identity = 0", "create_sender_identity: must be true or false"),
        ('publishers = "111111111111"', "publishers: must be a list of account ids of 12 digits or ARNs of roles"),
        ("publishers = []", "publishers: must be a list of account ids of 12 digits or ARNs of roles, at least one"),
        ("publishers = [111111111111]", "publishers: must be a list of account ids"),
        ('publishers = ["111111111111,222222222222"]', "publishers: must be a list of account ids"),
        ("sender_email = orders@example.com", "cannot be read: Invalid value (at line 1, column 16)"),
    ],
)
@pytest.mark.parametrize("overridden", [False, True])
def test_what_cannot_be_deployed_is_refused_with_the_file_the_key_and_the_rule(
    line: str, refusal: str, overridden: bool, tmp_path: Path
) -> None:
    key = line.partition(" ")[0]
    context = {"sender_email": "a@example.com", key: "false"} if overridden and key != "stage" else {}
    with pytest.raises(SettingsError, match=re.escape(refusal)) as refused:
        read_settings(tmp_path, line, **context)
    assert f"{tmp_path}/dev.toml" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dev.toml").write_bytes(b"\xff")
    with pytest.raises(SettingsError, match=r"dev\.toml: cannot be read: 'utf-8'"):
        read_settings(tmp_path)


def test_the_example_has_every_key_and_can_be_used(tmp_path: Path) -> None:
    assert read_settings(tmp_path, EXAMPLE).sender_email == "orders@your-domain.com"
    whole = re.sub(r"^# (?=\w+ = )", "", EXAMPLE, flags=re.MULTILINE)
    asked = set()

    def get(key: str) -> str | None:
        asked.add(key)
        return {"stage": "local"}.get(key)

    Settings.from_context(get)
    assert set(re.findall(r"^(\w+) = ", whole, re.MULTILINE)) == asked - {"stage", "release", "shift"}
    made = read_settings(tmp_path, whole)
    assert (made.alarm_email, made.ses_sandbox, made.create_sender_identity) == ("you@your-domain.com", True, False)
    assert made.publishers == ("111122223333", "arn:aws:iam::111122223333:role/checkout")


def test_the_app_reads_the_file_beside_cdk_json(tmp_path: Path) -> None:
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages" / "prod.toml").write_text('sender_email = "orders"\n')
    done = subprocess.run(
        [sys.executable, "-m", "infra.app"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "CDK_CONTEXT_JSON": json.dumps({"stage": "prod"})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(
        r"order-processing: sender_email: must be one plain address .*, not 'orders' \(stages/prod\.toml\)\n",
        done.stderr,
    )


def test_git_ignores_a_stages_own_file() -> None:
    """A public fork should not have to hold anybody's address."""
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert ignored.index("stages/*.toml") < ignored.index("!stages/example.toml")
