"""A stage's file, `stages/dev.toml`: its settings, the same in every deploy, whoever deploys from wherever."""

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from infra.settings import PUBLISHER_RULE, SettingsError, check_email, is_publisher, refuse_value

# Beside cdk.json: `cdk` runs the app in that folder.
FOLDER: Final = Path("stages")
# The local AWS has none: what `make up` and the tests deploy is the same on every machine.
STAGES_WITH_FILE: Final = ("dev", "prod")
# Remembered, `release` would no longer be new, and `shift` would turn gradual rollouts off for ever.
_OF_ONE_DEPLOY: Final = ("release", "shift")

ReadValue = Callable[[str], Any]


def add_stage_file(get: ReadValue, folder: Path = FOLDER) -> ReadValue:
    """Give the values of the context, and where it has none those of the stage's file.

    Raises:
        SettingsError: the file has a key or a value that cannot be deployed, even one that the context overrides.
    """
    stage = get("stage")
    values = read_stage_file(folder / f"{stage}.toml") if stage in STAGES_WITH_FILE else {}

    def get_either(key: str) -> Any:
        given = get(key)
        return values.get(key) if given is None else given

    return get_either


def read_stage_file(path: Path) -> Mapping[str, Any]:
    """Read a stage's file, checked, into what the context would have; empty if there is none."""
    try:
        text = path.read_text("utf-8")
        found = tomllib.loads(text)
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path.as_posix()}: cannot be read: {error}") from error
    return {key: _check_value(key, value, path.as_posix()) for key, value in found.items()}


def _check_value(key: str, value: object, where: str) -> Any:
    if key in _OF_ONE_DEPLOY:
        raise SettingsError(f"{key}: is for one deploy only: give it as -c {key}=… ({where})")
    if key not in _CHECKS:
        named = key if key.isidentifier() else repr(key)  # whatever the file holds drives no terminal
        raise SettingsError(f"{named}: must be one of {', '.join(_CHECKS)} ({where})")
    return _CHECKS[key](key, value, where)


def _check_flag(key: str, value: object, where: str) -> bool:
    if not isinstance(value, bool):
        refuse_value(key, "true or false, without quotes", value, where)
    return value


def _check_publishers(key: str, value: object, where: str) -> str:
    if not isinstance(value, list) or not value or not all(is_publisher(name) for name in value):
        refuse_value(key, f"a list of {PUBLISHER_RULE}, at least one", value, where)
    return ",".join(value)


_CHECKS: Final[Mapping[str, Callable[[str, object, str], Any]]] = {
    "sender_email": check_email,
    "alarm_email": check_email,
    "ses_sandbox": _check_flag,
    "publishers": _check_publishers,
    "create_sender_identity": _check_flag,
}
