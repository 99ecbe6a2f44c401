from __future__ import annotations

from runners.lint import page


def test_the_page_says_of_the_rules_what_their_table_says():
    text = page.PAGE.read_text(encoding="utf-8")

    assert text.partition(page.BEGIN)[1:] == (page.BEGIN, page.written().removeprefix(page.BEGIN)), (
        "write it anew with `python -m runners.lint.page`"
    )


def test_what_is_written_by_hand_stays(tmp_path):
    path = tmp_path / "lint.md"
    path.write_text(f"# By hand\n{page.BEGIN}old", encoding="utf-8")

    page.write(path)

    assert path.read_text(encoding="utf-8") == f"# By hand\n{page.written()}"
