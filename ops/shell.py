"""Commands for a person to paste. Every printed command with a value in it is made here, so that it is quoted."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_BARE: Final = re.compile(r"[A-Za-z0-9_@:,./+-][A-Za-z0-9_@:,./+=-]*")
_BETWEEN_QUOTES: Final = re.compile(r"(?:(?!['`\\])[ -~])*")
_COMMAND: Final = re.compile("`(orders|aws) ([^`]+)`")
_OF_AN_ACCOUNT: Final = ("--profile", "--region")
_TO_ESCAPE: Final = re.compile(rb"^-|[^A-Za-z0-9 _@:,./+=#-]")
_UNCARRIED: Final = str.maketrans("\0\n", "\1\1")

# The options that named the stack of this command line; empty where the environment did, as it will for what is pasted.
_stack_options: ContextVar[Sequence[str]] = ContextVar("stack_options", default=())


@contextmanager
def stack_options_carried(options: Sequence[str]) -> Iterator[None]:
    """Have each `orders` command printed in this block name the same stack: pasted, it must not act on another."""
    before = _stack_options.set(options)
    try:
        yield
    finally:
        _stack_options.reset(before)


def quote_command(command: str, *arguments: str) -> str:
    r"""Give a command in backticks, to be pasted into a shell: `orders retry -- '-2002; ls'`.

    It is plain ASCII on one line, whatever the arguments hold, so that no terminal, encoding or editor on its way
    changes it, and none of its arguments can drive the terminal. It holds no backtick of its own.

    Args:
        command: Its beginning, options included, which needs no quotes.
        arguments: What follows, such as the order's id; each arrives as it is in any POSIX shell.
    """
    program, *rest = command.split(" ")
    options = map(_quote_argument, _stack_options.get()) if program == "orders" else ()
    end_of_options = ["--"] if any(argument.startswith("-") for argument in arguments) else []
    return f"`{' '.join([program, *options, *rest, *end_of_options, *map(_quote_argument, arguments)])}`"


def carry_options(text: str) -> str:
    """Have the commands in a text, each in backticks, act where this command line does.

    Those of `orders` name the same stack, those of `aws` the same profile and region, as far as options named them.
    """
    return _COMMAND.sub(_carry_into, text)


def _carry_into(found: re.Match[str]) -> str:
    program, rest = found[1], found[2]
    options = _stack_options.get()
    if program == "aws":
        pairs = [pair for pair in zip(options[::2], options[1::2], strict=False) if pair[0] in _OF_AN_ACCOUNT]
        options = [word for pair in pairs if f"{pair[0]} " not in f"{rest} " for word in pair]
    elif rest.startswith(("--stage ", "--local ", "--profile ", "--region ")):
        return found[0]  # `quote_command` has put them there
    return f"`{' '.join([program, *map(_quote_argument, options), rest])}`"


def _quote_argument(argument: str) -> str:
    if _BARE.fullmatch(argument):
        return argument
    if _BETWEEN_QUOTES.fullmatch(argument):
        return f"'{argument}'"
    # `$'…'` would be shorter, and dash does not know it. No shell carries a NUL or a newline at the end; no id may
    # hold either, and in their place stands another control character, so that the id is refused and not another one.
    encoded = argument.translate(_UNCARRIED).encode("utf-8", "surrogatepass")
    escaped = _TO_ESCAPE.sub(lambda found: b"\\%03o" % ord(found[0]), encoded)
    return f"\"$(printf '{escaped.decode()}')\""
