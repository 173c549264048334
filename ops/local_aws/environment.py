"""The environment variables that decide whose AWS is spoken to: the local one's, whatever the shell holds."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

HOST = "127.0.0.1"
REGION = "us-west-2"  # so that the topic's ARN has the region the documentation shows
ACCOUNT = "000000000000"

# MiniStack and every function inherit nothing else: no PYTHONPATH, no proxy, no setting of another emulator.
_KEPT_BY_SERVER = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ")
# What a shell may hold for the real AWS or another project, and a deploy must not see.
_LOST_BY_TOOLS = ("AWS_", "CDK_", "PYTHON", "NODE_OPTIONS", "VIRTUAL_ENV")


def endpoint_of(port: int) -> str:
    """Return the address at which every AWS API of the local AWS answers."""
    return f"http://{HOST}:{port}"


def client_environment(endpoint: str) -> dict[str, str]:
    """Return what makes any AWS SDK or tool speak to the local AWS."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }


def _no_profile() -> dict[str, str]:
    """No file and no metadata service of the person's own is asked for credentials."""
    return {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def server_environment(
    *, port: int, temporary: Path, wait_scale: float, inherited: Mapping[str, str]
) -> dict[str, str]:
    """Return MiniStack's whole environment; the functions it runs get the same.

    `wait_scale` multiplies every wait and retry interval of Step Functions.
    """
    kept = {name: inherited[name] for name in _KEPT_BY_SERVER if name in inherited}
    return {
        **kept,
        **client_environment(endpoint_of(port)),  # it hands its own address to the functions
        **_no_profile(),
        "BIND_HOST": HOST,
        "MINISTACK_HOST": HOST,
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "LAMBDA_ACCOUNT_CONCURRENCY": "0",  # no common limit: `deploy` gives each function its own
        "SFN_WAIT_SCALE": str(wait_scale),
        "TMPDIR": str(temporary),
        "STATE_DIR": str(temporary / "state"),
        "S3_DATA_DIR": str(temporary / "s3"),
        "PERSIST_STATE": "0",
        # Neither other ports nor containers: two instances would fight over them.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": f"unix://{temporary / 'no-docker.sock'}",
        "PYTHONUNBUFFERED": "1",
    }


def tool_environment(*, endpoint: str, inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the CDK's command line, its app and what that builds.

    The rest of the shell's environment stays: building the layer may need its proxy and package settings.
    """
    kept = {name: value for name, value in inherited.items() if not name.startswith(_LOST_BY_TOOLS)}
    excluded = ",".join(filter(None, [kept.get("NO_PROXY") or kept.get("no_proxy"), HOST]))
    return {
        **kept,
        **client_environment(endpoint),
        **_no_profile(),
        "PATH": os.pathsep.join([str(tools()), kept.get("PATH", os.defpath)]),
        "NO_PROXY": excluded,
        "no_proxy": excluded,
        "CDK_DISABLE_CLI_TELEMETRY": "true",
    }


def tools() -> Path:
    """Return the folder of the environment's own programs: MiniStack, and the Node that runs the CDK."""
    return Path(sys.executable).parent
