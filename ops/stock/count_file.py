"""The CSV file that `orders stock import` takes, read exactly as it is or refused with the line and the rule.

- UTF-8, with or without a byte order mark (spreadsheets write one).
- Lines end with LF or CRLF, the last one may end with the file. Nothing else ends a line. An empty line is skipped.
- The first line is `item_id,available`. Each other line is one item: two cells with a comma between them.
- A cell is bare, and holds neither a comma nor a quote; or it is in double quotes from its first character to
  its last, with a quote inside written twice. No cell holds a line break.
- `item_id` is what the message's contract allows, and begins with neither = nor ', by which a spreadsheet marks a text;
  `available` is a whole number from 0 in digits alone. Each item is there once.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Final

from ops.contract import rules
from ops.errors import BadInput

COLUMNS: Final = ["item_id", "available"]

_HEADER: Final = f"its first line must be {','.join(COLUMNS)}"
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
_OTHERS: Final = {";": "semicolons, where commas must be", "\t": "tabs, where commas must be"}
_CELL: Final = re.compile(r'"(?P<quoted>(?:[^"]|"")*)"|(?P<bare>[^",]*)')
_FORMULA: Final = "item_id: a spreadsheet's mark of a text (= or ') must not be part of it; write the id alone, not"
# Characters that other programs take for a line end. They are invisible: a line that looks right may hold one.
_BREAKS: Final = re.compile("[\r\v\f\x1c-\x1e\x85\u2028\u2029]")


def read_counts(content: bytes, source: str) -> dict[str, int]:
    """Read how many pieces of each item are available.

    Raises:
        BadInput: anything is wrong with it; all that is, by line.
    """
    if content.startswith(_UTF_16):
        raise BadInput(f"{source}: must be UTF-8, and is UTF-16: save it as CSV UTF-8")
    lines = content.removeprefix(_BYTE_ORDER_MARK).split(b"\n")
    _check_header(lines[0], source)
    counts, places, wrong = dict[str, int](), dict[str, int](), list[str]()
    for number, line in enumerate(lines[1:], start=2):
        try:
            for item_id, available in _read_line(line):
                _refuse_second(item_id, places)
                counts[item_id], places[item_id] = available, number
        except BadInput as error:
            wrong.append(f"  line {number}: {error}")
    if wrong:
        raise BadInput("\n".join([f"{source}: nothing was written", *wrong]))
    return counts


def _refuse_second(item_id: str, places: Mapping[str, int]) -> None:
    if item_id in places:
        raise BadInput(f"item_id: {item_id!r} is already in line {places[item_id]}")


def _check_header(line: bytes, source: str) -> None:
    try:
        cells = _split_cells(_decode_line(line))
    except BadInput as error:
        raise BadInput(f"{source}: {_HEADER}: {error}") from error
    if cells != COLUMNS:
        other = "".join(f"; its columns are separated by {name}" for sign, name in _OTHERS.items() if sign in cells[0])
        raise BadInput(f"{source}: {_HEADER}{other}{_hidden_break(line.decode())}")


def _read_line(line: bytes) -> Iterator[tuple[str, int]]:
    text = _decode_line(line)
    if not text:
        return
    try:
        yield _read_entry(_split_cells(text))
    except BadInput as error:
        raise BadInput(f"{error}{_hidden_break(text)}") from error


def _read_entry(cells: list[str]) -> tuple[str, int]:
    if len(cells) != len(COLUMNS):
        raise BadInput(f"must have {len(COLUMNS)} columns, not {len(cells)}")
    return _item_id(cells[0]), rules.whole_number("available", cells[1], least=0)


def _decode_line(line: bytes) -> str:
    try:
        return line.removesuffix(b"\r").decode()
    except UnicodeDecodeError as error:
        byte = line[error.start]
        raise BadInput(f"must be UTF-8, and byte {error.start + 1} is {byte:#04x}: save it as CSV UTF-8") from error


def _split_cells(text: str) -> list[str]:
    cells, position = list[str](), 0
    while True:
        found = _CELL.match(text, position)
        if found is None or text[found.end() : found.end() + 1] not in ("", ","):
            raise BadInput(_describe_misquoted(text[position:]))
        quoted = found["quoted"]
        cells.append(found["bare"] if quoted is None else quoted.replace('""', '"'))
        position = found.end() + 1
        if position > len(text):
            return cells


def _describe_misquoted(rest: str) -> str:
    if rest.startswith("="):
        return f"{_FORMULA} {rest!r}"
    if rest.startswith('"') and rest.count('"') % 2:
        return "a cell that begins with a quote must end with one, in the same line"
    return 'a quote must be the first and the last character of its cell; inside it is doubled, as in "5"" pipe"'


def _item_id(cell: str) -> str:
    if cell.startswith(("=", "'")):
        raise BadInput(f"{_FORMULA} {cell!r}")
    return rules.item_id("item_id", cell)


def _hidden_break(text: str) -> str:
    """Name a character that looks like the end of a line, and is none here."""
    found = _BREAKS.search(text)
    if found is None:
        return ""
    name = unicodedata.name(found[0], "a control character")
    return f"; it holds U+{ord(found[0]):04X} ({name}), which ends no line: only LF and CRLF do"
