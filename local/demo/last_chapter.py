"""The last chapter: the doctor looks at the stack, as `orders doctor` does on AWS."""

from local.demo.stage import Stage
from ops.doctor.catalogue import LOOKS
from ops.doctor.examination import examine_stack
from ops.doctor.probe import Verdict
from ops.doctor.subject import Subject


def tell_last_chapter(stage: Stage) -> None:
    """Ask what `orders doctor` asks; what the emulator cannot answer, only an account on AWS can."""
    stage.chapter("8  The doctor, which asks AWS itself whether the stack is as it should be")
    beyond = list[str]()
    for examined in examine_stack(LOOKS, Subject(stage.pipeline.stack), lambda _text: None):
        if examined.verdict is Verdict.NOT_LOCAL:
            beyond.append(examined.probe)
        else:
            found = "; ".join(finding.text for finding in examined.findings if finding.verdict is examined.verdict)
            stage.checks.holds(
                f"{examined.probe} {examined.asks if examined.verdict is Verdict.OK else found}",
                examined.verdict is Verdict.OK,
            )
    stage.say(f"only an account on AWS can answer {', '.join(beyond)}: there run `orders doctor --stage dev`")
