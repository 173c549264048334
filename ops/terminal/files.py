"""Input from a file or standard input: read as it is, or refused with the place and the rule."""

import sys
from pathlib import Path
from typing import Final

from ops.errors import BadInput

STANDARD_INPUT: Final = "-"
_BYTE_ORDER_MARK: Final = "\ufeff"


def name_source(file: str) -> str:
    """Name a file as messages do; `-` is standard input."""
    return "standard input" if file == STANDARD_INPUT else file


def read_text(file: str) -> str:
    """Read a file, or standard input for `-`, as UTF-8, whatever the terminal's encoding is.

    Raises:
        BadInput: it cannot be read, or is not UTF-8, or begins with a byte order mark.
    """
    source = name_source(file)
    try:
        content = sys.stdin.buffer.read() if file == STANDARD_INPUT else Path(file).read_bytes()
    except OSError as error:
        raise BadInput(f"FILE: {source}: {error.strerror}") from error
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(f"FILE: {source}: not UTF-8: {_describe_place(content, error.start)}") from error
    if text.startswith(_BYTE_ORDER_MARK):
        raise BadInput(f"FILE: {source}: must not begin with a byte order mark (U+FEFF): save it as UTF-8 without one")
    return text


def _describe_place(content: bytes, position: int) -> str:
    """Name a byte and where it is, as an editor counts: lines and columns from 1, a column a byte."""
    line = content.count(b"\n", 0, position) + 1
    column = position - content.rfind(b"\n", 0, position)
    return f"byte 0x{content[position]:02x} in line {line}, byte {column} of the line"
