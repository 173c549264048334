"""The file of `orders stock import` is taken as it is, or refused with its line and the rule; nothing is repaired."""

import pytest

from ops.errors import BadInput
from ops.stock.count_file import read_counts

HEADER = b"item_id,available\n"


def counts_in(text: str) -> dict[str, int]:
    return read_counts(HEADER + text.encode(), "count.csv")


@pytest.mark.parametrize(
    ("content", "counts"),
    [
        (HEADER, {}),
        (b"item_id,available", {}),
        (b"\xef\xbb\xbf" + HEADER + b"tea,7\n", {"tea": 7}),
        (b"item_id,available\r\ntea,7\r\n\r\ncup,0", {"tea": 7, "cup": 0}),
        (b'"item_id","available"\n"tea","7"\n', {"tea": 7}),
        (HEADER + b'"tea, green",3\n"5"" pipe",1000000000\n', {"tea, green": 3, '5" pipe': 10**9}),
        (HEADER + "Größe № 1,2\na b,1\n00123,4\n".encode(), {"Größe № 1": 2, "a b": 1, "00123": 4}),
    ],
)  # fmt: skip
def test_a_file_is_taken_as_it_is(content: bytes, counts: dict[str, int]) -> None:
    assert read_counts(content, "count.csv") == counts


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ('"item\n001",7', "a cell that begins with a quote must end with one, in the same line"),
        ('tea,"5\n0"', "a cell that begins with a quote must end with one, in the same line"),
        ('"x-mq"y,7', "a quote must be the first and the last character of its cell"),
        ('x"mq,7', "a quote must be the first and the last character of its cell"),
        (' "x",7', "a quote must be the first and the last character of its cell"),
        ('"x" ,7', "a quote must be the first and the last character of its cell"),
        ('="00123",7', "write the id alone, not"),
        ('"=""00123""",7', "write the id alone, not"),
        ("'00123,7", "write the id alone, not"),
        ("tea", "must have 2 columns, not 1"),
        ("tea,7,", "must have 2 columns, not 3"),
        ("tea,1,000", "must have 2 columns, not 3"),
        (",4", "item_id: must be a text of 1 to 256 characters"),
        (",", "item_id: must be a text of 1 to 256 characters"),
        ("t\x00ea,7", "item_id: must be a text of 1 to 256 characters"),
        ('tea,"1,000"', "available: must be a whole number from 0 to 1000000000, in digits alone, not '1,000'"),
        ("tea,2\u2028cup,8", "must have 2 columns, not 3; it holds U+2028 (LINE SEPARATOR), which ends no line"),
        ("tea,2\x85", "U+0085 (a control character), which ends no line: only LF and CRLF do"),
        ("tea,2\x0b", "U+000B (a control character), which ends no line"),
        ("tea,2\rcup,8", "U+000D (a control character), which ends no line"),
        *[
            (f"tea,{number}", "available: must be a whole number from 0 to 1000000000, in digits alone, not ")
            for number in ("5.0", "+5", "-1", " 5", "5 ", "٥", "1_000", "1'000", "1e3", "05", "", "\ufeff5", "1" * 10)
        ],
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_line_is_named(line: str, rule: str) -> None:
    with pytest.raises(BadInput) as refused:
        counts_in(f"cup,1\n{line}\n")
    assert str(refused.value).startswith("count.csv: nothing was written\n  line 3: ")
    assert rule in str(refused.value)


def test_all_that_is_wrong_is_named_at_once() -> None:
    with pytest.raises(BadInput) as refused:
        counts_in("tea,7\n\ntea,8\npot\ncup,x\n")
    assert [line.partition(": ")[0] for line in str(refused.value).splitlines()[1:]] == [
        "  line 4",
        "  line 5",
        "  line 6",
    ]
    assert "item_id: 'tea' is already in line 2" in str(refused.value)


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "its first line must be item_id,available"),
        (b"tea,7\n", "its first line must be item_id,available"),
        (b"available,item_id\n7,tea\n", "its first line must be item_id,available"),
        (b"item_id, available\n", "its first line must be item_id,available"),
        (b"Item_ID,Available\n", "its first line must be item_id,available"),
        (b"item_id;available\ntea;7\n", "its columns are separated by semicolons, where commas must be"),
        (b"item_id\tavailable\ntea\t7\n", "its columns are separated by tabs, where commas must be"),
        (b"item_id,available\rtea,7\r", "U+000D (a control character), which ends no line"),
        (b"\xef\xbb\xbf\xef\xbb\xbf" + HEADER, "its first line must be item_id,available"),
        ("item_id,available\ntea,7\n".encode("utf-16"), "must be UTF-8, and is UTF-16: save it as CSV UTF-8"),
        (HEADER + b"tea,7\nt\xe9,1\n", "line 3: must be UTF-8, and byte 2 is 0xe9: save it as CSV UTF-8"),
        (b"\xff,\n", "must be UTF-8, and byte 1 is 0xff"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_count_is_refused(content: bytes, rule: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_counts(content, "count.csv")
    assert str(refused.value).startswith("count.csv: ")
    assert rule in str(refused.value)
