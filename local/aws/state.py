"""The local AWS that `make up` started: noted in a small file that is valid only while that very process runs."""

import json
from dataclasses import dataclass
from pathlib import Path

from local.aws.server import LocalAws
from ops.local_aws import read_note


@dataclass(frozen=True)
class StateFile:
    """The file in which `make up` notes what it started, for `make down` and the next `make up`."""

    path: Path

    def running(self) -> LocalAws | None:
        """Return the local AWS that is up; the traces of a dead one are cleared away."""
        if noted := read_note(self.path):
            aws = LocalAws(**vars(noted))
            if aws.is_running:
                return aws
            aws.stop()
        self.forget()
        return None

    def note(self, aws: LocalAws) -> None:
        """Remember `aws`. The file appears whole or not at all."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fields = {"pid": aws.pid, "started": aws.started, "port": aws.port, "directory": str(aws.directory)}
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps(fields), encoding="utf-8")
        fresh.replace(self.path)

    def forget(self) -> None:
        """Remove the note."""
        self.path.unlink(missing_ok=True)
