"""The environments of MiniStack and of the CDK's tools, whatever the shell holds."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from infra.paths import ROOT
from ops.environment.variables import client_environment
from ops.local_aws import ACCOUNT, HOST, REGION, endpoint_of

# MiniStack and every function inherit nothing else: no PYTHONPATH, no proxy, no setting of another emulator.
_KEPT_BY_SERVER = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ")
# Variables that a shell may hold for the real AWS or another project, and a deploy must not see. The proxy library of
# the CDK takes npm's settings before NO_PROXY.
_LOST_BY_TOOLS = ("AWS_", "BOTO", "CDK_", "PYTHON", "NODE_OPTIONS", "VIRTUAL_ENV", "npm_config_", "NPM_CONFIG_")


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


def tool_environment(*, endpoint: str, home: Path, inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the CDK's command line, its app and what that builds.

    The rest of the shell's environment stays: building the layer may need its proxy and package settings. `home` is a
    folder without a `.cdk.json`, whose proxy or profile would go before ours.
    """
    kept = {name: value for name, value in inherited.items() if not name.startswith(_LOST_BY_TOOLS)}
    return {
        **kept,
        **client_environment(endpoint, inherited),
        "HOME": str(home),
        "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(ROOT / ".build" / "jsii"),  # what the CDK unpacks, once for all
        "PATH": os.pathsep.join([str(find_tools()), kept.get("PATH", os.defpath)]),
        "CDK_DISABLE_CLI_TELEMETRY": "true",
    }


def find_tools() -> Path:
    """Return the folder of the environment's own programs: MiniStack, and the Node that runs the CDK."""
    return Path(sys.executable).parent
