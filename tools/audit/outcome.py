"""What came out of a check, told apart by exit code: that nothing was found is not that nothing was looked at."""

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self


class AuditVerdict(enum.IntEnum):
    """The exit code."""

    CLEAN = 0
    VULNERABLE = 1
    NOT_CHECKED = 3  # 2 is how command lines complain of their arguments

    @classmethod
    def of_all(cls, outcomes: Iterable["AuditOutcome"]) -> Self:
        """What is to be said of several: a vulnerability first, then whatever was not checked."""
        verdicts = {outcome.verdict for outcome in outcomes}
        return cls(next((v for v in (cls.VULNERABLE, cls.NOT_CHECKED) if v in verdicts), cls.CLEAN))


@dataclass(frozen=True, kw_only=True)
class AuditOutcome:
    """One list of packages, as far as it was checked."""

    what: str
    checked: int
    vulnerabilities: tuple[str, ...] = ()
    not_checked: tuple[str, ...] = ()  # each with its reason, as the tool gave it

    @property
    def verdict(self) -> AuditVerdict:
        """A known vulnerability counts also where other packages could not be checked."""
        if self.vulnerabilities:
            return AuditVerdict.VULNERABLE
        return AuditVerdict.NOT_CHECKED if self.not_checked or not self.checked else AuditVerdict.CLEAN
