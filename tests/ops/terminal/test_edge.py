"""However the command line ends, as a process: a closed pipe, a full disk, Ctrl-C; never with a traceback."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from local.aws import ROOT

ORDERS = Path(sys.executable).with_name("orders")

# A command line of its own, whose commands print more than a buffer holds, as tables and as JSON, or wait.
APP = """
import signal, sys, time, typer
from ops.terminal import screen
from ops.terminal.edge import run_to_the_end

signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job starts with SIGINT ignored
app = typer.Typer(pretty_exceptions_enable=False)

@app.command()
def lines():
    for number in range(2_000):
        screen.print_line(f"order-{number}" + 100 * "x")

@app.command()
def json():
    for number in range(2_000):
        screen.show_json({"order": number, "items": 100 * "x"})

@app.command()
def notes():
    screen.print_note("something beside the answer")
    screen.print_line("the answer")

@app.command()
def wait():
    screen.print_line("waiting")
    sys.stdout.flush()
    time.sleep(60)

@app.command()
def ask():
    screen.print_note("asking")
    typer.confirm("Go on?", err=True)

@app.command()
def no():
    screen.print_line("no")
    raise typer.Exit(1)

run_to_the_end(app)
"""


def shell(line: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which $APP is that command line and $ORDERS the project's own; gives bash's exit code."""
    done = subprocess.run(  # noqa: S603 - the test's own line
        ["/bin/bash", "-o", "pipefail", "-c", line],
        env={**os.environ, "ORDERS": str(ORDERS), "PYTHON": sys.executable, "CODE": APP, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert "Exception ignored" not in done.stderr, done.stderr
    return done


APP_ = '"$PYTHON" -c "$CODE"'
FULL = "error: the answer could not be written: No space left on device\n"


@pytest.mark.parametrize("command", [f"{APP_} lines", f"{APP_} json"])
def test_an_answer_that_nobody_reads_to_its_end_ends_quietly(command: str) -> None:
    done = shell(f"{command} | head -c 1 >/dev/null; exit ${{PIPESTATUS[0]}}")
    assert (done.returncode, done.stderr) == (141, "")


def test_help_that_nobody_reads_ends_quietly() -> None:
    """It is short enough for the pipe to hold, so its reader is gone from the start."""
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as nobody:  # noqa: PTH123 - a descriptor
        done = subprocess.run(  # noqa: S603 - the command itself
            [ORDERS, "--help"], stdout=nobody, stderr=subprocess.PIPE, timeout=60, check=False
        )
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize("command", [f"{APP_} lines", f"{APP_} json", f"{APP_} no", '"$ORDERS" --help'])
def test_an_answer_that_cannot_be_written_is_one_line_and_no_answer(command: str) -> None:
    done = shell(f"{command} >/dev/full")
    assert (done.returncode, done.stderr) == (74, FULL)


def test_where_no_line_can_be_written_either_the_exit_code_is_left() -> None:
    assert shell(f"{APP_} notes 2>/dev/full").returncode == 74
    assert shell(f"{APP_} lines >/dev/full 2>&1").returncode == 74


def test_a_stream_that_the_shell_has_closed_takes_nothing_and_breaks_nothing() -> None:
    assert shell(f"{APP_} notes 2>&-").stdout == "the answer\n"
    assert shell(f"{APP_} no <&- 2>&-").returncode == 1


def test_where_no_answer_can_be_written_nothing_is_done() -> None:
    closed = shell(f"{APP_} lines >&-")
    assert (closed.returncode, closed.stderr) == (
        74,
        "error: the answer could not be written: standard output is closed\n",
    )
    assert shell(f"{APP_} lines <&- >&- 2>&-").returncode == 74


def test_what_a_command_answers_stays_its_exit_code() -> None:
    assert shell(f"{APP_} no").returncode == 1
    assert shell(f"{APP_} nothing").returncode == 2


@pytest.mark.parametrize(("command", "told"), [("wait", "waiting"), ("ask", "asking")])
def test_ctrl_c_ends_in_a_line(command: str, told: str) -> None:
    with subprocess.Popen(  # noqa: S603 - the test's own program
        [sys.executable, "-c", APP, command],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"{told}\n"
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert process.returncode == 130
    assert rest.splitlines()[-1] == "stopped"
    assert "Traceback" not in rest
