"""What a probe is, and what it can find."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from ops.doctor.errors import Absent
from ops.doctor.subject import Subject


class Verdict(StrEnum):
    """What came of a probe; of several, the worst is the probe's."""

    WRONG = "WRONG"
    CANNOT_SAY = "CANNOT_SAY"
    OK = "OK"
    NOT_LOCAL = "NOT_LOCAL"


@dataclass(frozen=True)
class Finding:
    """One thing that a probe found."""

    verdict: Verdict
    """Whether it is as it should be"""
    text: str
    """What is so, in a sentence without a full stop"""
    remedy: str | None = None
    """What to do about it, as an order; null where nothing is to be done"""

    @classmethod
    def ok(cls, text: str) -> "Finding":
        """What was looked for is as it should be."""
        return cls(Verdict.OK, text)

    @classmethod
    def wrong(cls, text: str, remedy: str) -> "Finding":
        """What was looked for is not as it should be."""
        return cls(Verdict.WRONG, text, remedy)

    @classmethod
    def unclear(cls, text: str, remedy: str | None = None) -> "Finding":
        """It could not be found out."""
        return cls(Verdict.CANNOT_SAY, text, remedy)

    @classmethod
    def not_local(cls, text: str) -> "Finding":
        """The local AWS lacks a part of what the probe asks about; `Probe.not_local` is for a probe as a whole."""
        return cls(Verdict.NOT_LOCAL, text)


def judge_all(what: str, total: int, wrong: Iterable[Finding]) -> Iterator[Finding]:
    """Give what is wrong with some of several things, or in one sentence that nothing is: "5 of 5 queues are …".

    Each is given as it is found: what AWS answers next may be an error.

    Raises:
        Absent: there are none.
    """
    if not total:
        raise Absent(f"0 of 0 {what}: the stack has none, and this version's has some")
    is_right = True
    for finding in wrong:
        is_right = False
        yield finding
    if is_right:
        yield Finding.ok(f"{total} of {total} {what}")


Question = Callable[[Subject], Iterator[Finding]]
"""Yields what it finds, at least one finding. Errors of AWS are the runner's: it says which permission lacks."""
Beginning = Callable[[Subject], None]
"""Sets off what the question then waits for. Its errors are the runner's too, and the question is not asked then."""


@dataclass(frozen=True)
class Probe:
    """A question to AWS."""

    id: str
    """Such as A3: the letter says when it is asked, and the documentation names probes by it"""
    group: str
    """The heading it stands under"""
    asks: str
    """What it finds out, as a clause: "each alias is where the stack put it\""""
    ask: Question
    actions: tuple[str, ...]
    """The IAM actions that its calls need, such as lambda:GetAlias"""
    page: str
    """What explains it, from the documentation's folder: "deploying.md#when-the-first-deploy-fails\""""
    not_local: str | None = None
    """Why it cannot be asked of the local AWS; None where it can"""
    begin: Beginning | None = None
    """What it does before any probe is asked, so that all wait at the same time; None where it only looks"""
    rests_on: tuple[str, ...] = ()
    """The ids of the probes that are asked before it where it alone is named, with what these rest on"""
