"""The probe of a deploy after a rollback by hand: from which version it shifts, where the alias is not the stack's."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from ops.doctor.aliases import Alias, FunctionAlias, Routing, WorkflowAlias, write_routing
from ops.doctor.patience import Patience
from ops.doctor.probe import Finding
from ops.doctor.repair import Repair, Warn, look_while_broken
from ops.doctor.rollout.deploy_beside import DeployState, read_state, wait_for_begin, wait_for_shifts, write_deploy
from ops.doctor.subject import Subject


@dataclass(frozen=True)
class Moved:
    """An alias that is to be rolled back by hand: from the version that the stack put there to the one before it."""

    alias: Alias
    deployed: str
    before: str

    def judge(self, shifted: Routing | None) -> Finding:
        """Say from which of both the deploy shifts; deploying.md is right either way, and says what to do."""
        if shifted is None:
            return Finding.unclear(f"no shift of {self.alias.name} was seen", "run it again, with a deploy beside it")
        needed = "needed" if self.deployed in shifted else "not needed"
        return Finding.ok(
            f"rolled back by hand to version {self.before}, {self.alias.name} was shifted: {write_routing(shifted)};"
            f" `-c shift=false` is {needed} in that case"
        )


@dataclass(frozen=True)
class RollbackByHand:
    """R2: both kinds of aliases are moved to the version before; then a person deploys a further change."""

    patience: Patience
    warn: Warn

    def ask(self, subject: Subject) -> Iterator[Finding]:
        """Move them, watch the deploy's shifts, and move them back unless the deploy has placed them."""
        aliases = (WorkflowAlias(subject), FunctionAlias(subject, "MailTrackingTrackEmail", "TrackEmail"))
        moved = [found for alias in aliases if (found := _plan_move(alias))]
        state = read_state(subject)
        if len(moved) < len(aliases) or state.is_running:
            yield Finding.unclear(
                f"there is no version before to go back to, or a deploy is under way ({state.status})",
                f"deploy a change, wait for its end, and run it again: {write_deploy(subject)}",
            )
            return
        repair = Repair(
            "the workflow and TrackEmail are rolled back",
            partial(_move_back, subject, state, moved),
            " and ".join(one.alias.write_move(one.deployed) for one in moved),
            self.warn,
        )
        yield from look_while_broken(lambda: self._move_and_look(subject, moved), repair)

    def _move_and_look(self, subject: Subject, moved: list[Moved]) -> Iterator[Finding]:
        for one in moved:
            one.alias.move(one.before)
        self.warn(f"start a deploy now, in another terminal: {write_deploy(subject)}")
        if not wait_for_begin(subject, self.patience):
            yield Finding.unclear("nobody has started a deploy", "run it again, and start one beside it")
            return
        shifts = wait_for_shifts(subject, self.patience, [one.alias for one in moved])
        yield from (one.judge(shifted) for one, shifted in zip(moved, shifts, strict=True))


def _plan_move(alias: Alias) -> Moved | None:
    """Choose the version before; None if there is none, or a shift is under way."""
    routing = alias.read_routing()
    if len(routing) > 1:
        return None
    (deployed,) = routing
    earlier = [version for version in alias.list_versions() if int(version) < int(deployed)]
    return Moved(alias, deployed, earlier[0]) if earlier else None


def _move_back(subject: Subject, before: DeployState, moved: list[Moved]) -> bool:
    """Move each back that is where it was moved to; once a deploy has begun, it is the deploy that places them."""
    if read_state(subject) == before:
        for one in moved:
            if one.alias.read_routing() == {one.before: 100}:
                one.alias.move(one.deployed)
    return True
