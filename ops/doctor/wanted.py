"""What is wanted of the doctor: the options of its command, and which of them go together."""

from dataclasses import dataclass, replace

from ops.contract import rules
from ops.errors import BadInput
from ops.stack import Stack
from ops.terminal.options import Choice


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The options, of which not all go together.

    Raises:
        BadInput: two contradict each other, or one is of no use.
    """

    ids: list[str]
    before: str | None
    sender: str | None
    probe: bool
    deep: bool
    rollout: bool
    clean: bool
    policy: bool
    patient: bool
    stranger: str | None
    yes: bool
    json: bool

    def __post_init__(self) -> None:
        self._refuse_beside("--clean", self.clean, "PROBE", "--before", "--probe", "--deep", "--rollout", "--json")
        self._refuse_beside("--before", self.before, "--probe", "--deep", "--rollout")
        self._refuse_beside("--rollout", self.rollout, "--probe", "--deep")
        self._refuse_beside("--policy", self.policy, "--clean", "--json")
        if self.patient and not (self.probe or self.deep):
            raise BadInput("--patient: only with --probe or --deep")
        if self.stranger is not None and not self.deep:
            raise BadInput("--stranger: only with --deep")
        if self.sender is not None:
            if self.before is None:
                raise BadInput("--sender: goes with --before; a deployed stack names its sender")
            rules.email("--sender", self.sender)

    def _refuse_beside(self, option: str, given: object, *others: str) -> None:
        values = {**vars(self), "PROBE": self.ids}
        if given and (contrary := [other for other in others if values[other.removeprefix("--")]]):
            raise BadInput(f"{option}: leave out {', '.join(contrary)}")

    def find_stack(self, choice: Choice) -> Stack:
        """Find the deployed stack, or name one that need not be, with as much of its outputs as is known."""
        if self.before is None:
            return choice.connect()
        known = {"SenderEmail": self.sender} if self.sender else {}
        return replace(choice.name_stage("--before", self.before), outputs=known)
