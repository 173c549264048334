"""`make load`: a burst of orders on a local AWS of its own, and an exit code that says whether the account balances."""

import argparse
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from local.aws import LocalAws, LocalAwsError, deploy_stack
from local.demo.checks import Checks
from local.demo.display import open_console
from local.load.burst import Burst, make_burst
from local.load.run import Figures, NoProgressError, run_load
from local.pipeline import Pipeline
from ops.terminal.working import show_working

# The factor for a retry's wait. The burst is far beyond what the local AWS runs at once, so throttled steps wait their
# turn in retries: thirty of them, four minutes for each thousand orders, must outlast it, as an hour does on AWS.
_WAIT_SCALE_A_THOUSAND = 0.15
_PATIENCE_SECONDS = 300.0  # without any order settled
# A message comes back to the starter when its order may have ended: a duplicate of a running one has to wait for that.
# Twelve deliveries must outlast the retries above.
_DELIVERED_AGAIN_A_THOUSAND, _LEAST_SECONDS = 120, 20
_MOST_ORDERS = 100_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the burst and return the exit code."""
    chosen = _make_parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # terminated, it clears up as on Ctrl-C
    console = open_console()
    checks = Checks(console, chapter="the account")
    load = make_burst(chosen.orders, chosen.seed)
    console.print(_describe_load(load, chosen.seed), markup=False)
    try:
        with show_working(console, "starting a local AWS"):
            scale = _WAIT_SCALE_A_THOUSAND * max(1, chosen.orders / 1000)
            aws = LocalAws.start(wait_scale=scale)
        with aws:
            figures = _perform_load(aws, load, console, checks)
    except LocalAwsError as error:
        console.print(f"error: {error}", markup=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("\ninterrupted; the local AWS is stopped", markup=False)
        return 130
    return print_verdict(console, checks, figures)


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.load", description="A burst of orders, accounted for.")
    parser.add_argument("--orders", type=_read_size, default=1000, help="messages published, bad ones included (1000)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same messages (1)")
    return parser


def _read_size(text: str) -> int:
    size = int(text) if text.isascii() and text.isdecimal() else 0
    if not 1 <= size <= _MOST_ORDERS:
        raise argparse.ArgumentTypeError(f"a burst has from 1 to {_MOST_ORDERS} messages, not {text!r}")
    return size


def _describe_load(load: Burst, seed: int) -> str:
    return (
        f"A burst of {len(load.messages)} messages, seed {seed}:\n  {load.confirmed} orders to confirm,"
        f" {load.out_of_stock} out of stock, {load.duplicates} duplicates, {load.poison} poison"
    )


def _perform_load(aws: LocalAws, load: Burst, console: Console, checks: Checks) -> Figures | None:
    began = time.monotonic()
    with show_working(console, "cdk deploy") as tell_progress:
        outputs = deploy_stack(aws, progress=tell_progress)
    console.print(f"deployed to a local AWS at {aws.endpoint} in {time.monotonic() - began:.0f} s")
    pipeline = Pipeline(aws, outputs)
    try:
        pipeline.deliver_again_after(_choose_delay(len(load.messages)))
        with _show_progress(console, load.orders + load.poison) as progress:
            return run_load(pipeline, load, checks, progress=progress, patience=_PATIENCE_SECONDS)
    except NoProgressError as standstill:
        checks.fail(str(standstill))
    except (BotoCoreError, ClientError, OSError) as failure:
        checks.fail(f"an AWS API failed: {failure}")
    console.print(f"\nthe local AWS's log ends:\n{aws.log_tail()}", markup=False, soft_wrap=True)
    return None


def _choose_delay(messages: int) -> int:
    """Return the seconds after which a message that was not taken on is delivered again: the template's at most."""
    delay = _DELIVERED_AGAIN_A_THOUSAND * messages // 1000
    return min(max(delay, _LEAST_SECONDS), _DELIVERED_AGAIN_A_THOUSAND)


@contextmanager
def _show_progress(console: Console, total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on a terminal, and a line a tenth in a log."""
    if console.is_terminal:
        columns = (TextColumn("settled"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task("settled", total=total)
            yield lambda settled: bar.update(task, completed=settled)
        return
    told = 0

    def tell(settled: int) -> None:
        nonlocal told
        tenth = settled * 10 // total
        if tenth > told:
            told = tenth
            console.print(f"  settled {settled} of {total}", highlight=False)

    yield tell


def print_verdict(console: Console, checks: Checks, figures: Figures | None) -> int:
    """Show the figures, and say in the exit code whether everything is accounted for."""
    if figures:
        found = figures.account
        console.print(
            f"\n{found.published} published = {found.orders} orders + {found.refused} dead letters"
            f" + {found.duplicates} duplicates\n{found.orders} orders in {figures.seconds:.1f} s:"
            f" {figures.orders_a_second:.1f} orders a second"
            f"\nfrom publish to mail: p50 {figures.mail_p50:.1f} s, p99 {figures.mail_p99:.1f} s\n",
            highlight=False,
        )
    if checks.missed:
        console.print(f"[bold red]The account does not balance:[/] {len(checks.missed)} of {checks.made} checks missed")
        return 1
    console.print(f"[bold green]The account balances[/], {checks.made} checks; the local AWS is stopped.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
