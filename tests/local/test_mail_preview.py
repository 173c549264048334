"""The preview shows the mail that a customer would get, and needs no stack."""

from pathlib import Path

import pytest

from local import mail_preview


def test_the_preview_prints_the_text_and_writes_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "new" / "mail.html"
    mail_preview.main(page)
    printed = capsys.readouterr()
    assert "Subject: Your order 12345 is confirmed\n" in printed.out
    assert "\n  2 × item001\n" in printed.out
    assert ">item001<" in page.read_text("utf-8")
    assert "tea &lt;green&gt; &amp; black" in page.read_text("utf-8")
    assert str(page) in printed.err
