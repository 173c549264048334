"""Which local AWS `make up` started: a small file, believed only while that very process runs."""

import json
from dataclasses import dataclass
from pathlib import Path

from local.aws.server import LocalAws


@dataclass(frozen=True)
class StateFile:
    """Where `make up` notes what it started, for `make down` and the next `make up`."""

    path: Path

    def running(self) -> LocalAws | None:
        """Return the local AWS that is up. What a dead one left is cleared away."""
        noted = self._read()
        if noted is None:
            self.forget()
            return None
        if noted.is_running:
            return noted
        noted.stop()
        self.forget()
        return None

    def note(self, aws: LocalAws) -> None:
        """Remember `aws`. The file appears whole or not at all."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fields = {"pid": aws.pid, "born": aws.born, "port": aws.port, "directory": str(aws.directory)}
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps(fields), encoding="utf-8")
        fresh.replace(self.path)

    def forget(self) -> None:
        """Remove the note."""
        self.path.unlink(missing_ok=True)

    def _read(self) -> LocalAws | None:
        """Return what is noted; None where there is no note or it is damaged."""
        try:
            noted = json.loads(self.path.read_text(encoding="utf-8"))
            return LocalAws(
                pid=int(noted["pid"]),
                born=str(noted["born"]),
                port=int(noted["port"]),
                directory=Path(noted["directory"]),
            )
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None
