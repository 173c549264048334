"""A clock that goes on only while somebody waits, and counts for how long."""

from dataclasses import dataclass, field

from ops.doctor.patience import Patience


@dataclass
class AClock:
    """Seconds since the beginning, and the lines that were shown meanwhile, each with its second."""

    now: float = 0.0
    lines: list[tuple[float, str]] = field(default_factory=list)

    def warn(self, line: str) -> None:
        self.lines.append((self.now, line))

    @property
    def said(self) -> list[str]:
        return [line for _, line in self.lines]

    def pause(self, seconds: float) -> None:
        self.now += seconds

    @property
    def patience(self) -> Patience:
        return Patience(clock=lambda: self.now, pause=self.pause)
