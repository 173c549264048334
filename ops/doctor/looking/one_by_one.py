"""Gives what is wrong with some of several things as it is found: what AWS answers next may be an error."""

from collections.abc import Iterable, Iterator

from ops.doctor.probe import Finding, judge_all


def judge_one_by_one(what: str, total: int, wrong: Iterable[Finding]) -> Iterator[Finding]:
    """Give each thing that is wrong at once, or in the end, in one sentence, that nothing is.

    Raises:
        Absent: there are none.
    """
    is_right = True
    for finding in wrong:
        is_right = False
        yield finding
    if is_right:
        yield from judge_all(what, total, ())
