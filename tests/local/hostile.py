"""A shell that is set up for the real AWS, another emulator and a company's proxy, in every way botocore knows."""

from pathlib import Path

from botocore.session import Session

NOWHERE = "http://127.0.0.1:1"
# A look at each service of ours, which answers only if it reaches the local AWS.
LOOKS = {
    "cloudformation": "list_stacks",
    "cloudwatch": "list_metrics",
    "dynamodb": "list_tables",
    "events": "list_rules",
    "iam": "list_roles",
    "kms": "list_keys",
    "lambda": "list_functions",
    "logs": "describe_log_groups",
    "s3": "list_buckets",
    "sesv2": "list_email_identities",
    "sns": "list_topics",
    "sqs": "list_queues",
    "stepfunctions": "list_state_machines",
    "sts": "get_caller_identity",
}
_IDS = ("CLOUDFORMATION", "CLOUDWATCH", "CLOUDWATCH_LOGS", "DYNAMODB", "EVENTBRIDGE", "IAM", "KMS", "LAMBDA", "S3")
_MORE_IDS = ("SESV2", "SNS", "SQS", "SFN", "STS")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_CONFIG = f"""
[default]
region = eu-north-1
ignore_configured_endpoint_urls = true
use_fips_endpoint = true
use_dualstack_endpoint = true
endpoint_url = {NOWHERE}
services = elsewhere
[services elsewhere]
dynamodb =
  endpoint_url = {NOWHERE}
sqs =
  endpoint_url = {NOWHERE}
"""


def settings() -> dict[str, str]:
    """Give botocore's settings that have a variable: the variable by the setting."""
    named = {setting: variable for setting, (_, variable, _, _) in Session.SESSION_VARIABLES.items() if variable}
    return {setting: variable if isinstance(variable, str) else variable[-1] for setting, variable in named.items()}


def hostile_shell(folder: Path) -> dict[str, str]:
    """Give the variables of such a shell; each alone would lead elsewhere or end in an error."""
    config = folder / "config"
    config.write_text(_CONFIG, encoding="utf-8")
    (folder / "models").mkdir()
    return {
        **dict.fromkeys(settings().values(), "true"),
        **dict.fromkeys((f"AWS_ENDPOINT_URL_{service}" for service in (*_IDS, *_MORE_IDS)), NOWHERE),
        **dict.fromkeys((*_PROXIES, *map(str.lower, _PROXIES)), NOWHERE),
        "AWS_ENDPOINT_URL": NOWHERE,
        "AWS_CONFIG_FILE": str(config),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "nobody"),
        "AWS_PROFILE": "no-such-profile",
        "AWS_DEFAULT_PROFILE": "no-such-profile",
        "AWS_REGION": "eu-north-1",
        "AWS_DEFAULT_REGION": "eu-north-1",
        "AWS_ACCESS_KEY_ID": "AKIAREAL",
        "AWS_SECRET_ACCESS_KEY": "real",
        "AWS_SESSION_TOKEN": "real",
        "AWS_SECURITY_TOKEN": "real",
        "AWS_ROLE_ARN": "arn:aws:iam::111111111111:role/real",
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(folder / "nobody"),
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": NOWHERE,
        "AWS_BEARER_TOKEN_BEDROCK": "real",
        "AWS_ACCOUNT_ID": "111111111111",
        "AWS_ACCOUNT_ID_ENDPOINT_MODE": "required",
        "AWS_DATA_PATH": str(folder / "models"),
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_METADATA_SERVICE_TIMEOUT": "1",
        "AWS_METADATA_SERVICE_NUM_ATTEMPTS": "1",
        "AWS_CSM_PORT": "1",
        "AWS_CSM_ENABLED": "false",
        "NO_PROXY": "internal",
    }
