# SPDX-License-Identifier: BSD-2-Clause
"""The matrix and its renderings: same content, same bytes, nothing taken for markup."""

from __future__ import annotations

import csv
import io
import json
import re
from xml.etree import ElementTree

import pytest
from attrs import evolve
from report_samples import READ, a_case, a_run, matrix, some_results

from reports.expectations import PLATFORMS
from reports.matrix import Matrix, Question, build, gather, short_text
from reports.schema import Case, Fault, Results, Sightings, merge
from reports.tables import FORMATS, SUMMARY_MAX, badge, render

LINUX, FREEBSD = "linux-6.18-x86_64-glibc", "freebsd-14.1-amd64-libc"
POLL = READ.replace("read-pipe", "poll")
HOSTILE = "<script>alert(1)</script>|**x**\x1b[31m=cmd](javascript:1)"


def answer(results: Results) -> str | None:
    return f"it is said by {len(results.cases)} cases"


Q1 = Question("Q1", "Does a watcher see it?", ("read-pipe/*",), "sightings", answer)


def mail(platform: str = FREEBSD, seen: int = 1000) -> Results:
    case = a_case(READ, "d", undisturbed=1000)
    case.sightings = Sightings(seen=seen, missed=1000 - seen)
    return some_results(case, platform=platform)


def built(*files: Results) -> Matrix:
    return build(files, [Q1])


def test_runs_of_one_platform_are_merged_and_the_same_run_counts_once() -> None:
    [(label, merged)] = gather([mail(), mail(), evolve(mail(), run=a_run(seed=2))])
    assert label == FREEBSD and merged.cases[0].trials == 2000


def test_what_must_not_be_added_stands_apart() -> None:
    other = some_results(a_case(READ, "another definition"), platform=FREEBSD)
    assert [label for label, _ in gather([mail(), other])] == [FREEBSD, f"{FREEBSD} (2)"]


def test_platforms_without_results_are_columns_of_predictions() -> None:
    report = built(mail())
    assert [column.label for column in report.measured] == [FREEBSD]
    names = [column.label for column in report.columns if not column.measured]
    assert names == [name for name in PLATFORMS if name != "freebsd"]
    cells = dict(zip([c.label for c in report.columns], report.cells(READ), strict=True))
    assert short_text(cells["darwin"]) == "(undisturbed; missed)"
    assert short_text(cells[FREEBSD]) == "undisturbed > 99.7 %; seen > 99.7 %"


def test_questions_are_answered_by_results_and_by_predictions() -> None:
    report = built(mail())
    [(question, answers)] = report.answered()
    told = {column.label: text for column, text in answers}
    assert question.name == "Q1"
    assert told[FREEBSD] == "it is said by 1 cases"
    assert told["darwin"] == "predicted: missed"
    assert told["dragonfly"] == "predicted: missed"


def test_gates_fill_predicted_columns_and_show_themselves_stale() -> None:
    def gate(id: str, platform: str) -> str | None:
        return "no kqueue" if platform in ("linux", "freebsd") else None

    report = build([mail()], gate=gate)
    by_label = {column.label: column for column in report.columns}
    assert by_label["linux"].cells[READ].kind == "unsupported"
    judgement = by_label[FREEBSD].cells[READ].judgement
    assert judgement and judgement.stale_gate == "no kqueue"


def test_the_way_of_measuring_is_marked() -> None:
    settled = mail()
    settled.cases[0].method = "settled"
    assert "~ undisturbed" in render(built(settled), "table")


@pytest.mark.parametrize("format", [name for name in FORMATS if name != "html"])
def test_the_same_input_gives_the_same_bytes(format: str) -> None:
    files = matrix([LINUX, FREEBSD], [READ, POLL], seed=1)
    assert render(built(*files), format) == render(built(*reversed(files)), format)


@pytest.mark.parametrize("format", FORMATS)
def test_an_empty_report_is_no_error(format: str) -> None:
    assert render(build([]), format)
    assert render(build([some_results()]), format)


def test_an_unknown_format_names_those_there_are() -> None:
    with pytest.raises(Fault, match="table, markdown"):
        render(built(), "pdf")


def test_a_table_of_one_platform_says_why() -> None:
    text = render(built(mail(seen=0)), "table")
    assert text.startswith("Q1: Does a watcher see it?\n    it is said by")
    assert re.search(r"undisturbed > 99\.7 %; missed .* deviates .* expected: seen", text)
    assert text.endswith(f"{FREEBSD}: 1 deviates\n")


def test_a_table_of_several_platforms_has_a_column_each() -> None:
    text = render(built(mail(), mail("netbsd-10.0-amd64-libc")), "table")
    assert "[conforms]" in text and "netbsd-10.0-amd64-libc: it is said" in text


def hostile() -> Matrix:
    gated = Case.blank(POLL, "d", "unsupported", HOSTILE)
    results = some_results(a_case(READ, "d", hung=1), gated, platform=FREEBSD)
    question = evolve(Q1, text=HOSTILE, answer=lambda _: HOSTILE)
    return build([results], [question])


@pytest.mark.parametrize("format", ["markdown", "github"])
def test_markdown_shows_markup_as_text(format: str) -> None:
    text = render(hostile(), format)
    assert "<script" not in text and "](javascript" not in text and "\x1b" not in text
    assert "&#60;script&#62;" in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len({line.count("|") for line in rows}) == 1


def test_a_job_summary_starts_with_what_needs_eyes_and_fits() -> None:
    text = render(hostile(), "github")
    assert text.index("Not as expected") < text.index("All cases")
    assert f"**deviates** `{READ}`" in text
    many = [READ.replace("read-pipe", f"call{i}") for i in range(2500)]
    files = matrix([f"freebsd-14.{i}-amd64-libc" for i in range(3)], many, seed=3)
    cut = render(build(files), "github")
    assert len(cut.encode()) <= SUMMARY_MAX
    assert "not fit into a job summary" in cut.splitlines()[-1]
    assert not cut.splitlines()[-2] or cut.splitlines()[-2].startswith("- **")


def test_csv_has_a_row_a_cell_and_no_formula() -> None:
    report = hostile()
    report.columns[0].cells[POLL] = evolve(report.columns[0].cells[POLL], reason="=1+1")
    rows = list(csv.DictReader(io.StringIO(render(report, "csv"))))
    measured = [row for row in rows if row["platform"] == FREEBSD]
    assert [row["verdict"] for row in measured] == ["unsupported", "deviates"]
    assert measured[0]["reason"] == "'=1+1"
    assert "hung: 1 of 1" in measured[1]["outcomes"]


def test_json_holds_the_whole_matrix() -> None:
    tree = json.loads(render(built(mail()), "json"))
    assert tree["questions"][0]["answers"]["darwin"] == "predicted: missed"
    [case] = tree["cases"]
    assert case["cells"][FREEBSD]["verdict"] == "conforms"
    assert case["cells"]["darwin"] == {
        "kind": "predicted",
        "verdict": "predicted",
        "expected": "undisturbed; missed",
    }


def test_junit_fails_skips_and_passes() -> None:
    good = a_case(READ.replace("kqueue", "none"), "d", undisturbed=5)
    gated = Case.blank(POLL, "d", "unsupported", HOSTILE)
    bad = a_case(READ, "d", interrupted=5)
    bad.sightings = Sightings(seen=5)
    report = build([some_results(good, gated, bad, platform=FREEBSD)])
    root = ElementTree.fromstring(render(report, "junit"))
    [suite] = root
    assert {key: suite.get(key) for key in ("tests", "failures", "skipped")} == {
        "tests": "3",
        "failures": "1",
        "skipped": "1",
    }
    [failed] = suite.findall("testcase[failure]")
    assert failed.get("name") == READ
    [skipped] = suite.findall("testcase/skipped")
    assert "<script>" in str(skipped.get("message"))


def test_the_badge_counts_what_is_judged() -> None:
    assert "1 of 1 as expected" in badge(built(mail()))
    assert "0 of 1 as expected" in badge(built(mail(seen=0)))
    assert "nothing judged" in badge(built())
    ElementTree.fromstring(badge(built(mail())))


def test_a_merged_column_is_the_sum_of_its_runs() -> None:
    first, second = mail(), mail(seen=999)
    [column] = built(first, second).measured
    assert column.results == merge(first, second)
