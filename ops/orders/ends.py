"""Finds the executions that run, and those that have ended since the last look: each end once, whatever their number.

Step Functions lists executions by their start, the newest first, with status and end, and its lists lag some seconds
behind. So a look lists what was started since a little before the last one; a page of 1,000 shows most other ends too.
The running ones are listed beside it only where that page does not reach: if one that ran is older (while one page
shows all that run), and every few looks. One that has left both lists is described.

Of the running ones the 10,000 newest are listed; the end of an older one is found once fewer run. Two kinds of ends
can escape: of an execution older than the page that is redriven and ends again before the running ones are listed, and
of one that ran before the first look and was not among those 10,000 until it ended.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final

from functions.shared.aws import call_aws
from functions.shared.errors import TransientError
from ops.orders.execution import Attempt, Execution
from ops.orders.executions import LARGEST_PAGE
from ops.orders.ledger import Orders
from ops.orders.pace import Pace

_OVERLAP: Final = timedelta(seconds=30)  # what a list of executions may lag behind
_RUNNING_EVERY: Final = 5  # looks
_ALWAYS: Final = datetime.min.replace(tzinfo=UTC)
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Seen:
    """The findings of one look; `trouble` says why some ends have to wait for a later look."""

    running: Mapping[str, Execution]
    started: tuple[Execution, ...]  # of those that run: the ones that did not run at the last look
    ended: tuple[Execution, ...]
    since: datetime  # by the clock of Step Functions: from when on the next look has to list
    trouble: str | None = None


@dataclass
class EndFinder:
    """Looks repeatedly. An end counts as seen once its look is accepted, so that a failed look loses none."""

    orders: Orders
    pace: Pace
    most_pages: int = 10  # of running executions that a look lists
    _looks: int = 0
    _since: datetime | None = None
    _running: Mapping[str, Execution] = field(default_factory=dict)
    _reported: dict[str, Execution] = field(default_factory=dict)  # ends that lists may show again

    def look(self) -> Seen:
        """Find what runs and what has ended since the last look; at the first, what has ended so far.

        Raises:
            TransientError, ClientError: a list could not be read.
        """
        recent, since, is_all = self._list_recent()
        older = self._running.keys() - recent.keys()
        found, horizon = ({}, _ALWAYS) if is_all else self._listed_as_running(is_needed=bool(older))
        found |= {name: one for name, one in recent.items() if one.is_running}
        missing = [self._running[name] for name in older - found.keys()]
        described, trouble = self._describe_missing(one for one in missing if one.started_at >= horizon)
        ended = [one for one in [*recent.values(), *described.values()] if one and self._is_news(one)]
        kept = {one.name: described.get(one.name, one) for one in missing}
        running = found | {name: one for name, one in kept.items() if one and one.is_running}
        for one in ended:
            running.pop(one.name, None)
        started = tuple(one for name, one in running.items() if name not in self._running)
        return Seen(running, started, tuple(sorted(ended, key=_end_of)), since, trouble)

    def accept(self, seen: Seen) -> None:
        """Count what a look found as seen."""
        ends = self._reported | {one.name: one for one in seen.ended}
        self._reported = {name: one for name, one in ends.items() if _end_of(one) >= seen.since}
        self._running, self._since = seen.running, seen.since
        self._looks += 1

    @property
    def has_looked(self) -> bool:
        """Whether there is a look to compare the next one with."""
        return self._looks > 0

    def _list_recent(self) -> tuple[dict[str, Execution], datetime, bool]:
        """List what was started lately; give also from when on the next look has to list, and whether this is all."""
        found, since, following = dict[str, Execution](), self._since, self._since or _ALWAYS
        for page in self.orders.listed():
            if page.executions and not found:
                following = max(following, page.executions[0].started_at - _OVERLAP)
            found |= {one.name: one for one in page.executions}
            if page.is_last:
                return found, following, True
            if page.executions and page.executions[-1].started_at < (since or following):
                break
        return found, following, False

    def _listed_as_running(self, *, is_needed: bool) -> tuple[dict[str, Execution], datetime]:
        """List what runs, if it is time to; give also from which start on that is all."""
        is_one_page = len(self._running) <= LARGEST_PAGE
        if self._looks % _RUNNING_EVERY and not (is_needed and is_one_page):
            return {}, _NEVER
        found = dict[str, Execution]()
        for page in islice(self.orders.listed(status="RUNNING"), self.most_pages):
            found |= {one.name: one for one in page.executions}
            if page.is_last:
                return found, _ALWAYS
        return found, min((one.started_at for one in found.values()), default=_NEVER)

    def _describe_missing(self, missing: Iterable[Execution]) -> tuple[dict[str, Execution | None], str | None]:
        """Ask for executions by name, the oldest first, as many as the pace allows; None is one long forgotten."""
        found = dict[str, Execution | None]()
        for one in sorted(missing, key=lambda one: one.started_at)[: self.pace.ready("describe_execution")]:
            try:
                attempt: Attempt | None = call_aws(self.orders.named, name=one.name)
            except TransientError as error:
                return found, str(error)
            if attempt:
                found[one.name] = attempt
            elif self._since and one.started_at < self._since:
                found[one.name] = None
        return found, None

    def _is_news(self, one: Execution) -> bool:
        """Whether this is an end that was not reported yet, be it the second one of an execution that was redriven."""
        known = self._reported.get(one.name)
        if one.is_running or (known and known.ended_at == one.ended_at):
            return False
        return self._since is None or one.name in self._running or _end_of(one) >= self._since


def _end_of(one: Execution) -> datetime:
    return one.ended_at or one.started_at
