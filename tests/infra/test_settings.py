"""Stages differ where they must, and what cannot be deployed is refused at synth in one line."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from aws_cdk import RemovalPolicy

from infra.paths import ROOT
from infra.settings import STAGES, Settings, SettingsError


def settings(stage: str, **options: object) -> Settings:
    return Settings.for_stage(stage, **{"sender_email": "orders@example.com", **options})  # type: ignore[arg-type]


@pytest.mark.parametrize("stage", [None, "", "production", "Prod", "dev ", 1])
def test_an_unknown_stage_is_refused(stage: object) -> None:
    with pytest.raises(SettingsError, match=r"^stage: must be one of local, dev, prod, not .* \(-c stage=…\)$"):
        Settings.from_context({"stage": stage}.get)


@pytest.mark.parametrize("stage", ["dev", "prod"])
@pytest.mark.parametrize("sender", [None, ""])
def test_outside_local_a_sender_is_required(stage: str, sender: str | None) -> None:
    with pytest.raises(SettingsError, match=f"^sender_email: required in stage {stage}: one plain address"):
        Settings.for_stage(stage, sender_email=sender)


def test_local_has_a_sender_of_its_own() -> None:
    assert Settings.for_stage("local").sender_email == "orders@example.com"
    assert Settings.for_stage("local", sender_email="shop@example.org").sender_email == "shop@example.org"


def test_an_empty_alarm_address_is_refused_rather_than_ignored() -> None:
    with pytest.raises(SettingsError, match=r"^alarm_email: must be one plain address"):
        settings("local", alarm_email="")


@pytest.mark.parametrize("key", ["sender_email", "alarm_email"])
@pytest.mark.parametrize(
    "address",
    [
        "orders",
        "orders@localhost",
        "@example.com",
        "orders@",
        "a@b@example.com",
        "orders@example.com, other@example.com",
        "Orders <orders@example.com>",
        "orders@example.com\n",
        "or ders@example.com",
        "*@example.com",  # a wildcard, in the ARN of a policy
        "örders@example.com",
        True,
    ],
)
def test_an_address_that_is_not_plain_is_refused(key: str, address: object) -> None:
    with pytest.raises(SettingsError, match=f"^{key}: must be one plain address") as refused:
        settings("dev", **{key: address})
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("key", ["ses_sandbox", "create_sender_identity", "shift"])
@pytest.mark.parametrize("value", ["yes", "", "True", 1, 0])
def test_a_flag_is_a_clear_yes_or_no(key: str, value: object) -> None:
    context = {"stage": "dev", "sender_email": "orders@example.com", key: value}
    with pytest.raises(SettingsError, match=f"^{key}: must be true or false"):
        Settings.from_context(context.get)


@pytest.mark.parametrize(("value", "meant"), [("true", True), ("false", False), (True, True), (False, False)])
def test_flags_come_as_text_or_as_json(value: object, meant: bool) -> None:
    context = {
        "stage": "prod",
        "sender_email": "orders@example.com",
        "ses_sandbox": value,
        "create_sender_identity": value,
        "shift": value,
    }
    made = Settings.from_context(context.get)
    assert (made.ses_sandbox, made.create_sender_identity, made.shifts_gradually) == (meant, meant, meant)


@pytest.mark.parametrize(
    "publishers",
    [
        "",
        ",",
        "111111111111,",
        "11111111111",
        "*",
        "arn:aws:iam::111111111111:role/*",
        "arn:aws:iam::111111111111:user/shop",
        "arn:aws:iam::111111111111:root",
        "shop",
        111111111111,
        True,
    ],
)
def test_a_publisher_is_an_account_or_a_role_by_its_full_name(publishers: object) -> None:
    context = {"stage": "dev", "sender_email": "orders@example.com", "publishers": publishers}
    with pytest.raises(SettingsError, match=r"^publishers: must be account ids of 12 digits or ARNs of roles"):
        Settings.from_context(context.get)


def test_publishers_are_separated_by_commas() -> None:
    roles = ("arn:aws:iam::222222222222:role/checkout", "arn:aws-us-gov:iam::333333333333:role/path/a+b=c@d-e_f.g")
    made = settings("dev", publishers=f"111111111111, {roles[0]},{roles[1]},111111111111")
    assert made.publishers == ("111111111111", *roles)
    assert settings("dev").publishers == ()


def test_what_the_context_does_not_say_is_the_stages_own() -> None:
    made = Settings.from_context({"stage": "dev", "sender_email": "orders@example.com"}.get)
    assert made == settings("dev")
    assert (made.ses_sandbox, made.create_sender_identity, made.alarm_email) == (True, True, None)
    assert not settings("prod").ses_sandbox


@pytest.mark.parametrize("release", ["", 65 * "x", "a\nb", "tab\t", "größer", 7, True])
def test_a_release_is_a_short_printable_text(release: object) -> None:
    context = {"stage": "dev", "sender_email": "orders@example.com", "release": release}
    with pytest.raises(SettingsError, match=r"^release: must be 1 to 64 printable ASCII characters, not ") as refused:
        Settings.from_context(context.get)
    assert "\n" not in str(refused.value)


def test_a_release_is_taken_as_it_is() -> None:
    for release in ("7", "2026-11-25 after the rollback", 64 * "~"):
        assert settings("prod", release=release).release == release
    assert settings("prod").release is None


def test_only_dev_creates_the_sender_by_itself() -> None:
    """Both may live in one account and send from one address, which is an identity once."""
    assert [stage for stage in ("dev", "prod") if settings(stage).create_sender_identity] == ["dev"]


def test_locally_nothing_can_be_shifted() -> None:
    with pytest.raises(SettingsError, match=r"^shift: must be false in stage local, which has no versions"):
        settings("local", shift=True)
    assert not settings("local", shift=False).shifts_gradually


def test_the_guide_has_every_setting() -> None:
    asked = set()

    def get(key: str) -> str | None:
        asked.add(key)
        return {"stage": "local"}.get(key)

    Settings.from_context(get)
    guide = (ROOT / "docs" / "deploying.md").read_text("utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", guide.split("## GitHub Actions")[0], re.MULTILINE)) == asked


def test_only_prod_keeps_its_data_when_the_stack_goes() -> None:
    kept = {stage: settings(stage).removal_policy for stage in STAGES}
    assert kept == {
        "local": RemovalPolicy.DESTROY,
        "dev": RemovalPolicy.DESTROY,
        "prod": RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    }
    assert [stage for stage in STAGES if settings(stage).deletion_protection] == ["prod"]


@pytest.mark.parametrize("stage", STAGES)
def test_concurrency_is_within_what_lambda_takes(stage: str) -> None:
    """2 to 1,000: "Configuring scaling behavior for SQS event source mappings"."""
    made = settings(stage)
    for concurrency in (made.starter_max_concurrency, made.tracker_max_concurrency):
        assert 2 <= concurrency <= 1000


@pytest.mark.parametrize("stage", STAGES)
def test_only_what_has_versions_is_shifted_between_them(stage: str) -> None:
    made = settings(stage)
    assert made.publishes_versions or not made.shifts_gradually
    assert [stage for stage in STAGES if settings(stage).shifts_gradually] == ["prod"]


def run_app(context: dict[str, str], out: Path) -> subprocess.CompletedProcess[str]:
    """Run the app as `cdk` does, on a machine that knows nothing of AWS, and has no Node and no stage's file."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "JSII_"))}
    nothing = {
        "PATH": "",
        "PYTHONPATH": str(ROOT),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    return subprocess.run(
        [sys.executable, "-m", "infra.app"],
        cwd=out,
        env=environment | nothing | {"CDK_CONTEXT_JSON": json.dumps(context), "CDK_OUTDIR": str(out)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_synth_ends_with_one_line_that_names_key_and_rule(tmp_path: Path) -> None:
    done = run_app({}, tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("order-processing: stage: must be one of local, dev, prod")
    assert len(done.stderr.splitlines()) == 1


def test_synth_needs_no_credentials_and_prints_nothing(tmp_path: Path) -> None:
    done = run_app({"stage": "local"}, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "order-processing-local.template.json").exists()
