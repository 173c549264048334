"""The outermost edge of the command line: however it ends, there is a line and an exit code, and no traceback."""

import os
import sys
from contextlib import suppress
from typing import Final

import typer

from ops.terminal import screen

NOT_WRITTEN: Final = 74  # EX_IOERR of sysexits.h
INTERRUPTED: Final = 130  # as a shell reports SIGINT
NOBODY_READS: Final = 141  # as a shell reports SIGPIPE


def run_to_the_end(app: typer.Typer) -> None:
    """Run the command line and end the process.

    `orders list | head -1` ends quietly, as other tools do. Ctrl-C and an output that cannot be written end in a line
    on standard error.
    """
    if sys.stdout is None:
        _open_closed_streams()
        _print_complaint("error: the answer could not be written: standard output is closed")
        sys.exit(NOT_WRITTEN)
    _open_closed_streams()
    screen.accept_any_text()
    try:
        code = _run_app(app)
        sys.stdout.flush()
    except BrokenPipeError:
        code = NOBODY_READS
    except OSError as error:
        _print_complaint(f"error: {error.filename or 'the answer could not be written'}: {error.strerror or error}")
        code = NOT_WRITTEN
    if code == INTERRUPTED:
        _print_complaint("stopped")
    if code in (NOT_WRITTEN, NOBODY_READS):
        _drop_what_is_left()
    sys.exit(code)


def _run_app(app: typer.Typer) -> int:
    """Run it; Typer and Rich end the process themselves, and give a closed pipe the code of an answer: 1."""
    try:
        app(prog_name="orders")
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):
            raise end.__context__ from None
        if isinstance(end.__context__, typer.Abort):  # Ctrl-C or Ctrl-D where a question was asked
            return INTERRUPTED
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _open_closed_streams() -> None:
    """Give a stream that the shell has closed (`>&-`) somewhere to go: without, Python has None in its place."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - as long as the process


def _print_complaint(line: str) -> None:
    with suppress(OSError):  # where standard error cannot be written either, only the exit code is left
        print(line, file=sys.stderr, flush=True)


def _drop_what_is_left() -> None:
    """Python writes what is buffered when it ends, and would complain there once more."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
