"""A clock that goes on only while somebody waits, and counts for how long."""

from dataclasses import dataclass, field

from ops.doctor.patience import Patience


@dataclass
class AClock:
    """Seconds since the beginning, and what was said meanwhile."""

    now: float = 0.0
    said: list[str] = field(default_factory=list)

    def pause(self, seconds: float) -> None:
        self.now += seconds

    @property
    def patience(self) -> Patience:
        return Patience(clock=lambda: self.now, pause=self.pause)
