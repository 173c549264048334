"""The settings of each stage, all in this module, and checked before anything is synthesised.

Values come from the context (`-c key=value`), else from the stage's file, else they are the stage's own.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn, Self

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs

STAGES = ("local", "dev", "prod")

# Narrower than what mail allows: the sender becomes part of an ARN in a policy, where * ? $ mean something.
_EMAIL = re.compile(r"[A-Za-z0-9._+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,63}")
_EMAIL_RULE = "one plain address such as orders@example.com (letters, digits and . _ + - before the @)"
# No wildcards: every account and role is named.
_PUBLISHER = re.compile(r"[0-9]{12}|arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=.@_/-]+")
PUBLISHER_RULE = "account ids of 12 digits or ARNs of roles"
# It becomes part of a function's description, of which Lambda takes 256 characters.
_RELEASE = re.compile(r"[ -~]{1,64}")
_RELEASE_RULE = "1 to 64 printable ASCII characters"


class SettingsError(ValueError):
    """A value that cannot be deployed; the message names the key, the rule and where the value stands, on one line."""


@dataclass(frozen=True, kw_only=True)
class AlarmThresholds:
    """The alarms' thresholds; an alarm fires at its threshold or above."""

    # Ten minutes' worth of orders in front, or a starter that is not called at all. One that fails at every order never
    # brings this age beyond some 360 s, since SQS leaves a message out of it once it was received three times
    # ("Available CloudWatch metrics for Amazon SQS"); the next three are for that.
    oldest_order_seconds: int = 600
    # A share of the orders delivered to the starter, each delivery counted. While a quota is used up it still starts
    # more than it leaves; one that can start nothing leaves all.
    starter_fault_percent: int = 50
    # Five-minute periods: a burst that is throttled for a moment is back after two minutes, and then in two of them.
    starter_fault_periods: int = 2
    # In five minutes: a single order that fails is received again every 120 s, the queue's visibility timeout.
    starter_min_left: int = 2
    # Each of these is one order, one release or one mail's end that nothing in the system will touch again.
    dead_letters: int = 1
    unfinished_executions: int = 1
    # A burst is throttled for a moment, and retries see to it. A throttle in each five minutes of a quarter of an hour
    # says that a quota of the account is used up, or that a key is hot.
    throttles: int = 1
    throttled_periods: int = 3
    # In five minutes. Fewer are what the retries are for.
    function_errors: int = 3
    # A share of a step's calls, without those that raised as an answer (OutOfStock, EmailRejected, …). Single faults
    # stay below it; a new version that takes a tenth of the orders and cannot do its work does not.
    step_fault_percent: int = 10
    # Five-minute periods: a step's answer may be counted a moment later than its error, so that the newest minutes
    # alone can look like faults. Two also outlast faults that the first retries resolve.
    step_fault_periods: int = 2
    # Below this many calls in five minutes a percentage says nothing; a failed execution has its own alarm.
    step_min_invocations: int = 20
    # Fractions of the mails sent, as SES counts them. From these on SES puts an account under review, and at twice
    # and five times as much it may stop it ("Amazon SES sending review process FAQs").
    mail_bounce_rate: float = 0.05
    mail_complaint_rate: float = 0.001


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything the stack needs to know about its stage."""

    stage: str
    topic_name: str
    sender_email: str
    alarm_email: str | None
    # In its sandbox SES checks ses:SendEmail against the recipient's identity too, not only the sender's.
    ses_sandbox: bool
    # The address is the identity's physical name, and exists once in an account and region, where both stages may send
    # from it. So only `dev` creates it; the sender of `prod` is dev's, or verified by its domain or by hand.
    create_sender_identity: bool
    # A text in each function's description, by which it differs from the version that a rolled-back deployment left.
    release: str | None
    # Accounts by id and roles by ARN that may publish orders; none means the account deployed to.
    publishers: tuple[str, ...]
    # The most batches that are processed at once: of orders, and of mails' events.
    starter_max_concurrency: int
    tracker_max_concurrency: int
    log_retention: logs.RetentionDays
    removal_policy: RemovalPolicy
    deletion_protection: bool
    # Functions run from the Python environment that ran the synth instead of Lambda's runtime and a layer.
    runs_locally: bool
    # SES reports each mail's events to EventBridge. The local SES does not.
    sends_mail_events: bool
    # Each version is numbered and kept, so that an execution ends on the code it began with. The local AWS runs what
    # is deployed last, and starts no execution by an alias.
    publishes_versions: bool
    # A new version gets a tenth first, and an alarm rolls it back; otherwise it gets all at once.
    shifts_gradually: bool
    # Alarms on expressions over metrics and on other alarms, which the local CloudFormation does not create.
    combines_alarms: bool
    # Queries saved beside the logs; the local logs know none.
    saves_queries: bool
    alarms: AlarmThresholds = field(default_factory=AlarmThresholds)

    @classmethod
    def for_stage(
        cls,
        stage: str | None,
        *,
        sender_email: str | None = None,
        alarm_email: str | None = None,
        ses_sandbox: bool | None = None,
        create_sender_identity: bool | None = None,
        publishers: str | None = None,
        release: str | None = None,
        shift: bool | None = None,
    ) -> Self:
        """The settings of `stage`; raises SettingsError for whatever cannot be deployed."""
        if stage not in STAGES:
            raise SettingsError(f"stage: must be one of {', '.join(STAGES)}, not {stage!r} (-c stage=…)")
        differences = _BY_STAGE[stage]
        sender = sender_email or differences.default_sender
        if sender is None:
            raise SettingsError(
                f"sender_email: required in stage {stage}: {_EMAIL_RULE} (-c sender_email=…, or in stages/{stage}.toml)"
            )
        return cls(
            stage=stage,
            sender_email=check_email("sender_email", sender),
            alarm_email=None if alarm_email is None else check_email("alarm_email", alarm_email),
            ses_sandbox=differences.ses_sandbox if ses_sandbox is None else ses_sandbox,
            create_sender_identity=stage != "prod" if create_sender_identity is None else create_sender_identity,
            release=None if release is None else _check_release(release),
            publishers=() if publishers is None else _split_publishers(publishers),
            topic_name=differences.topic_name,
            starter_max_concurrency=differences.starter_max_concurrency,
            tracker_max_concurrency=differences.tracker_max_concurrency,
            log_retention=differences.log_retention,
            removal_policy=RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if stage == "prod" else RemovalPolicy.DESTROY,
            deletion_protection=stage == "prod",
            runs_locally=stage == "local",
            sends_mail_events=stage != "local",
            publishes_versions=stage != "local",
            shifts_gradually=_check_shift(stage, shift),
            combines_alarms=stage != "local",
            saves_queries=stage != "local",
        )

    @classmethod
    def from_context(cls, get: Callable[[str], Any]) -> Self:
        """The settings named by the CDK context (`-c key=value`), which delivers text."""
        return cls.for_stage(
            get("stage"),
            sender_email=get("sender_email"),
            alarm_email=get("alarm_email"),
            ses_sandbox=_read_flag("ses_sandbox", get("ses_sandbox")),
            create_sender_identity=_read_flag("create_sender_identity", get("create_sender_identity")),
            publishers=get("publishers"),
            release=get("release"),
            shift=_read_flag("shift", get("shift")),
        )


@dataclass(frozen=True, kw_only=True)
class _StageDifferences:
    topic_name: str
    default_sender: str | None
    ses_sandbox: bool
    starter_max_concurrency: int
    tracker_max_concurrency: int
    log_retention: logs.RetentionDays


_BY_STAGE = {
    "local": _StageDifferences(
        topic_name="order-notifications-topic",
        default_sender="orders@example.com",
        ses_sandbox=False,  # the local SES checks no policy
        starter_max_concurrency=2,  # Lambda's minimum; the emulator's functions are processes on one machine
        tracker_max_concurrency=2,
        log_retention=logs.RetentionDays.ONE_DAY,
    ),
    "dev": _StageDifferences(
        # Publishers know the topic by its name, so the name is fixed, and a name exists once in an account and
        # region: `prod` has that of the contract, `dev` one with which it can live in the same account.
        topic_name="order-notifications-topic-dev",
        default_sender=None,
        ses_sandbox=True,  # where every account starts
        starter_max_concurrency=5,
        tracker_max_concurrency=2,
        log_retention=logs.RetentionDays.TWO_WEEKS,
    ),
    "prod": _StageDifferences(
        topic_name="order-notifications-topic",
        default_sender=None,
        ses_sandbox=False,
        # Ten batches at once, a StartExecution taking some 40 ms, are about 250 orders a second: just under the
        # 300 a second Step Functions grants (150 in smaller regions; "Quotas related to API action throttling" in
        # its developer guide). More starters would only turn orders into throttled retries.
        starter_max_concurrency=10,
        # Two events a mail, each one write of some 10 ms: five batches at once keep pace with 250 orders a second, and
        # leave the account's concurrency to the orders.
        tracker_max_concurrency=5,
        # As long as Step Functions keeps an execution's history, so that both can be read side by side.
        log_retention=logs.RetentionDays.THREE_MONTHS,
    ),
}


def check_email(key: str, value: object, where: str | None = None) -> str:
    """Give an address as it is; raises SettingsError that says `where` it stands, on the command line unless named."""
    if not isinstance(value, str) or not _EMAIL.fullmatch(value):
        refuse_value(key, _EMAIL_RULE, value, where)
    return value


def is_publisher(name: object) -> bool:
    """Whether it is an account or a role in full; what is misspelt would lock publishers out in silence."""
    return isinstance(name, str) and _PUBLISHER.fullmatch(name) is not None


def refuse_value(key: str, rule: str, value: object, where: str | None = None) -> NoReturn:
    """Raise SettingsError with the key, the rule, the value, and where it stands."""
    raise SettingsError(f"{key}: must be {rule}, not {value!r} ({where or f'-c {key}=…'})")


def _split_publishers(value: object) -> tuple[str, ...]:
    """One principal or several, separated by commas."""
    named = tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else ()
    if not named or not all(is_publisher(name) for name in named):
        refuse_value("publishers", f"{PUBLISHER_RULE}, separated by commas", value)
    return tuple(dict.fromkeys(named))


def _check_release(value: object) -> str:
    if not isinstance(value, str) or not _RELEASE.fullmatch(value):
        refuse_value("release", _RELEASE_RULE, value)
    return value


def _check_shift(stage: str, shift: bool | None) -> bool:
    if stage == "local" and shift:
        raise SettingsError("shift: must be false in stage local, which has no versions (-c shift=false)")
    return stage == "prod" if shift is None else shift


def _read_flag(key: str, value: object) -> bool | None:
    """Context is text from the command line and JSON from cdk.json; only a clear yes or no is taken."""
    known = {None: None, "true": True, "false": False, True: True, False: False}
    if not isinstance(value, str | bool | None) or value not in known:
        raise SettingsError(f"{key}: must be true or false, not {value!r} (-c {key}=true|false)")
    return known[value]
