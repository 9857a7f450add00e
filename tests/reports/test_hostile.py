# SPDX-License-Identifier: BSD-2-Clause
"""Whatever text a results file holds, every output shows it as text, whole in its shape."""

from __future__ import annotations

import csv
import io
import json
import re
import xml.etree.ElementTree as xml
from html.parser import HTMLParser
from pathlib import Path

from attrs import evolve
from hypothesis import example, given, settings
from hypothesis import strategies as st
from report_samples import READ, a_case, a_platform, some_results

from reports import files as reader
from reports.evidence import Story, write_bundle
from reports.matrix import Matrix, Question, build
from reports.schema import Case, Results, dumps, printable
from reports.tables import FORMATS, render

POLL = READ.replace("read-pipe", "poll")
NASTY = (
    *("</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<!--", "]]>"),
    *("\x1b[31mred\x1b]0;title\x07", "\x9b2J", "\u202eevil", "\u200b", "\x00", "\x0b", "\ufffe"),
    *("=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "\uff1d1", " =cmd|'/C calc'!A0", '"', "'", ","),
    *("|", "a\nb", "a\r\nb", "\u2028", "`x`", "[x](http://x)", "![x](y)", "# x", "&lt;", "\\|"),
    *("${x}", "%s", "{0}", "{{data}}", "../../x", "\ud800", "a" * 3000),
)
texts = st.lists(st.sampled_from(NASTY) | st.text(max_size=8), max_size=3).map("".join)


def results(text: str) -> Results:
    """Return results with the text wherever text may stand, as the reader hands them on."""
    measured = evolve(a_case(READ, "d", hung=2, undisturbed=998), note=text, definition=text)
    gated = Case.blank(POLL, "d", "unsupported", text)
    broken = Case.blank(POLL.replace("poll", "ppoll"), "d", "error", text)
    some = some_results(measured, gated, broken)
    told = {"os": text, "release": text, "version": text, "libc": text, "compiler": text}
    some.platform = a_platform(**told, emulation=text, tracer=text)
    some.run = evolve(some.run, tool=text, python=text)
    return reader.loads(json.dumps(json.loads(dumps(some))).encode(), "f.json")


def report(text: str) -> Matrix:
    answer = printable(text)  # made from what the reader let through
    question = Question("Q1", "Is it?", (READ,), "outcomes", lambda _: answer)
    some = results(text)
    return build([some], [question], predicted=())


def tame(text: str) -> None:
    """Assert that nothing in a text can steer a terminal or the direction of writing."""
    assert all(line.isprintable() for line in text.split("\n"))
    text.encode("utf-8")


@settings(max_examples=60)
@given(texts)
@example("".join(NASTY))
def test_every_format_is_printable_and_utf8(text: str) -> None:
    matrix = report(text)
    for format in sorted(set(FORMATS) - {"html", "csv"}):
        tame(render(matrix, format))


@settings(max_examples=100)
@given(texts)
@example("".join(NASTY[12:20]))
def test_csv_keeps_its_columns_and_holds_no_formula(text: str) -> None:
    rows = list(csv.reader(io.StringIO(render(report(text), "csv"))))
    assert {len(row) for row in rows} == {9} and len(rows) == 4
    for field in (field for row in rows for field in row):
        assert not re.match(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]", field), field


@settings(max_examples=100)
@given(texts)
def test_markdown_keeps_its_table_and_shows_no_markup(text: str) -> None:
    for format in ("markdown", "github"):
        shown = render(report(text), format)
        table = [line for line in shown.split("\n") if line.startswith("| ")]
        assert {line.count("|") for line in table} == {3} and len(table) == 5
        assert "alert(1)>" not in shown and "](" not in shown and "<img" not in shown
        assert set(re.findall(r"<(/?\w+)", shown)) <= {"details", "/details", "summary", "/summary"}


@settings(max_examples=60)
@given(texts)
def test_junit_and_the_badge_are_well_formed(text: str) -> None:
    tree = xml.fromstring(render(report(text), "junit"))
    assert [case.tag for case in tree.iter("testcase")] == ["testcase"] * 3
    assert xml.fromstring(render(report(text), "badge")).tag.endswith("svg")


@settings(max_examples=30)
@given(texts)
@example("".join(NASTY))
def test_the_page_has_no_element_of_a_file(text: str) -> None:
    tags: set[str] = set()
    reading = HTMLParser()
    reading.handle_starttag = lambda tag, attrs: tags.add(tag)  # type: ignore[method-assign]
    plain = render(report("plain"), "html")
    reading.feed(plain)
    expected, tags = tags.copy(), set()
    shown = render(report(text), "html")
    reading.feed(shown)
    assert tags <= expected
    assert shown.count("<script") == plain.count("<script") == 2


def test_a_bundle_shows_text_as_text(tmp_path: Path) -> None:
    for number, text in enumerate(NASTY):
        folder = tmp_path / str(number)
        write_bundle(results(text), READ, folder, Story(text, (text,), lacking=text))
        for name in ("report.md", "report.txt"):
            tame((folder / name).read_text("utf-8"))
        shown = (folder / "report.md").read_text("utf-8")
        assert "<" not in shown and "](" not in shown and "|" not in shown
