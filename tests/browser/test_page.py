# SPDX-License-Identifier: BSD-2-Clause
"""The report page in a real browser: filters, details, keyboard, phone, dark, paper, no scripts.

The fixture `opened` fails a test for any console message, error, alert or request.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from attrs import evolve
from headless import open_pages, start_browser  # noqa: F401 (fixtures)
from report_samples import READ, a_case, matrix, some_results

from reports.html import page
from reports.matrix import Matrix, Question, build
from reports.schema import Case, Latency, Sightings, SweepStep

Open = Callable[..., Any]
FREEBSD, NETBSD = "freebsd-14.1-amd64-libc", "netbsd-10.0-amd64-libc"
SWEEP = "read-pipe/SIGUSR1/handler/open/pthread_kill/none/sweep"
POLL = READ.replace("read-pipe", "poll")
PORT = "blockif/handler/read/stalled/asleep"
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>'\""


def a_matrix(platform: str = FREEBSD) -> Matrix:
    good = a_case(READ, "d", undisturbed=1000)
    good.sightings = Sightings(seen=1000, watcher_first=900, target_first=100)
    good.latency_ns = Latency.of({4096: 20, 8192: 700, 65536: 3}, 70_000)
    steps = [
        SweepStep(x, {"lost": 50 - x // 20, "interrupted": 50 + x // 20})
        for x in range(-900, 901, 100)
    ]
    sweep = a_case(SWEEP, "d", lost=950, interrupted=950)
    sweep.sweep = steps
    bad = a_case(POLL, "d", interrupted=1000)
    gated = Case.blank(POLL.replace("poll", "ppoll"), "d", "unsupported", "no ppoll here")
    files = [
        some_results(good, sweep, bad, gated, a_case(PORT, "d", cancelled=9), platform=platform),
        some_results(evolve(good, sightings=Sightings(missed=1000)), platform=NETBSD),
    ]
    asked = Question("Q1", "Is it seen?", ("read-pipe/SIGCONT/*",), "sightings", lambda _: "yes")
    return build(files, [asked])


def rows(tab: Any) -> list[str]:
    return [row.inner_text() for row in tab.locator("#body th").all()]


def cell(tab: Any, id: str, platform: str) -> Any:
    heads = tab.locator("#head th").all_inner_texts()
    row = tab.locator("#body tr").filter(has=tab.locator("th", has_text=id))
    return row.locator("td").nth(heads.index(platform) - 1)


def detail_text(tab: Any) -> str:
    """Wait until a cell's detail is open, and return what it says."""
    tab.wait_for_selector("#detail[open]")
    return str(tab.locator("#detail").inner_text())


def start(tab: Any) -> None:
    tab.wait_for_selector("#body td[tabindex='0']")


def until(tab: Any, condition: str) -> None:
    """Wait until something holds; playwright's own wait would break the page's policy."""
    for _ in range(10_000):
        if tab.evaluate(condition):
            return
        tab.wait_for_timeout(10)
    pytest.fail(f"never: {condition}")


def test_all_cases_are_there_at_first(opened: Open) -> None:
    tab = opened(page(a_matrix()))
    assert len(rows(tab)) == 5
    assert tab.locator("#count").inner_text() == "5 of 5 cases"
    assert "undisturbed > 99.7 %; seen > 99.7 %" in cell(tab, READ, FREEBSD).inner_text()


def test_filters_narrow_by_text_pattern_verdict_platform_and_axis(opened: Open) -> None:
    tab = opened(page(a_matrix()))
    tab.fill("#text", "pipe usr1")
    assert rows(tab) == [SWEEP]
    tab.fill("#text", "*/SIGCONT/*/kqueue/*")
    assert rows(tab) == [POLL, POLL.replace("poll", "ppoll"), READ]
    tab.click("button[type=reset]")
    until(tab, "document.querySelectorAll('#body tr').length === 5")
    tab.select_option("#verdict", "bad")
    assert rows(tab) == [POLL, READ]
    tab.select_option("#platform", label=FREEBSD)
    assert rows(tab) == [POLL]
    assert tab.locator("#head th").count() == 2
    tab.select_option("#verdict", "")
    tab.get_by_label("timing").select_option("sweep")
    assert rows(tab) == [SWEEP]
    tab.get_by_label("timing").select_option("")
    tab.get_by_label("kick").select_option("handler")
    assert rows(tab) == [PORT]


def test_a_question_shows_its_cases(opened: Open) -> None:
    tab = opened(page(a_matrix()))
    tab.click("[data-question=Q1]")
    assert rows(tab) == [READ]
    assert tab.input_value("#text") == "Q1"


def test_a_cell_opens_its_detail(opened: Open) -> None:
    tab = opened(page(a_matrix()))
    cell(tab, READ, FREEBSD).click()
    text, detail = detail_text(tab), tab.locator("#detail")
    for words in (
        f"{READ} on {FREEBSD}",
        "conforms",
        "tdsendsignal",
        "undisturbed: 1,000 of 1,000; > 99.7 %",
        "watcher 900, target 100",
        "median 8.19 µs",
        f"sigprobe evidence FILE '{READ}' --on '{FREEBSD}'",
    ):
        assert words in text, words
    assert detail.locator("svg").count() == 2
    tab.keyboard.press("Escape")
    assert not detail.is_visible()


def test_a_sweep_is_drawn_with_its_band(opened: Open) -> None:
    tab = opened(page(a_matrix()))
    cell(tab, SWEEP, FREEBSD).click()
    detail_text(tab)
    assert tab.locator("#detail svg .curve").count() == 2
    assert tab.locator("#detail svg .band").count() == 2


def test_predictions_and_gates_have_details_too(opened: Open) -> None:
    tab = opened(page(a_matrix()))
    cell(tab, READ, "darwin").click()
    assert "Predicted, not measured" in detail_text(tab)
    tab.click("#detail .close")
    cell(tab, POLL.replace("poll", "ppoll"), FREEBSD).click()
    assert "no ppoll here" in detail_text(tab)


def test_the_keyboard_is_enough(opened: Open) -> None:
    tab = opened(page(a_matrix()))
    tab.focus("#body td[tabindex='0']")
    for key in ("ArrowDown", "ArrowRight", "End", "Home", "PageDown", "PageUp", "ArrowDown"):
        tab.keyboard.press(key)
    tab.keyboard.press("Enter")
    detail_text(tab)
    title = tab.locator("#detail-title").inner_text()
    tab.keyboard.press("Escape")
    focused = tab.evaluate("document.activeElement.parentElement.cells[0].textContent")
    assert focused in title
    assert tab.locator("#body td[tabindex='0']").count() == 1


def test_a_link_leads_to_a_cell(opened: Open) -> None:
    tab = opened(page(a_matrix()), f"#case={quote(POLL, safe='')}&on={FREEBSD}")
    assert POLL in detail_text(tab)


def test_without_scripts_everything_is_still_said(opened: Open) -> None:
    tab = opened(page(a_matrix()), java_script_enabled=False)
    text = tab.locator("body").inner_text()
    assert "undisturbed > 99.7 %; seen > 99.7 %" in text and "Not as expected" in text
    assert "Is it seen?" in text
    assert not tab.locator("#filters").is_visible()
    assert not tab.locator("[data-question]").is_visible()


def test_without_scripts_a_case_unfolds_to_the_detail_that_scripts_show(opened: Open) -> None:
    report = page(a_matrix())
    plain = opened(report, java_script_enabled=False)
    plain.locator("table.plain").get_by_role("link", name=SWEEP).click()
    told = plain.locator("details", has=plain.locator("summary", has_text=SWEEP))
    told.locator("summary").click()
    assert told.locator("svg .curve").first.is_visible() and f"repro '{SWEEP}'" in told.inner_text()
    other = plain.locator("details", has=plain.locator("summary", has_text=READ))
    other.locator("summary").click()
    other.get_by_role("link", name="undisturbed; seen").first.click()
    assert "tdsendsignal" in plain.locator(":target").inner_text()
    scripted = opened(report)
    cell(scripted, READ, FREEBSD).click()
    detail_text(scripted)
    drawn = "nodes => nodes.map(node => node.outerHTML)"
    shown = scripted.locator("#detail svg").evaluate_all(drawn)
    assert shown and shown == other.locator("svg").evaluate_all(drawn)[: len(shown)]


def test_markup_from_a_file_stays_text(opened: Open) -> None:
    report = a_matrix()
    [first, *_] = report.measured
    assert first.results
    first.label = HOSTILE
    first.cells[POLL] = evolve(first.cells[POLL], kind="unsupported", reason=HOSTILE)
    question = evolve(report.questions[0][0], text=HOSTILE)
    report.questions = [(question, [HOSTILE for _ in report.columns])]
    tab = opened(page(report))
    cell(tab, POLL, HOSTILE).click()
    assert "alert(2)" in detail_text(tab)
    assert tab.locator("img").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 380])
def test_the_page_is_accessible(opened: Open, scheme: str, width: int) -> None:
    axe = pytest.importorskip("axe_core_python")
    program = next(Path(axe.__file__).parent.rglob("axe.min.js")).read_text("utf-8")
    tab = opened(page(a_matrix()), color_scheme=scheme, viewport={"width": width, "height": 800})
    tab.evaluate(program)
    assert violations(tab) == []
    cell(tab, READ, FREEBSD).click()
    detail_text(tab)
    assert violations(tab) == []


def test_the_page_without_scripts_is_accessible(opened: Open) -> None:
    axe = pytest.importorskip("axe_core_python")
    program = next(Path(axe.__file__).parent.rglob("axe.min.js")).read_text("utf-8")
    # axe is itself a script, so the page's own are cut out and what they replace is put in.
    plain = re.sub("<script.*?</script>", "", page(a_matrix()), flags=re.DOTALL)
    tab = opened(plain.replace("<noscript>", "<div>").replace("</noscript>", "</div>"))
    tab.evaluate(program)
    assert violations(tab) == []


def violations(tab: Any) -> list[str]:
    found = tab.evaluate("axe.run().then((r) => r.violations)")
    return [f"{one['id']}: {one['nodes'][0]['html'][:150]}" for one in found]


def test_a_phone_scrolls_the_table_and_not_the_page(opened: Open) -> None:
    tab = opened(page(a_matrix()), viewport={"width": 380, "height": 700})
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert tab.evaluate("document.body.scrollWidth <= innerWidth")


def test_on_paper_there_are_all_rows_and_no_controls(opened: Open) -> None:
    tab = opened(page(big(3)))
    start(tab)
    tab.emulate_media(media="print")
    assert not tab.locator("#filters").is_visible()
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert len(tab.locator("#body tr").all()) == 1152
    assert tab.evaluate("getComputedStyle(document.getElementById('scroll')).maxHeight") == "none"


def big(platforms: int) -> Matrix:
    axes = (
        [f"call{i}" for i in range(24)],
        ("SIGCONT", "SIGUSR1"),
        ("ignore", "handler", "handler-restart"),
        ("open", "blocked"),
        ("pthread_kill", "kill"),
        ("none",),
        ("asleep", "before"),
    )
    ids = ["/".join(case) for case in itertools.product(*axes)]
    names = [f"freebsd-14.{i}-amd64-libc" for i in range(platforms)]
    return build(matrix(names, ids, seed=8))


CELLS = "document.querySelectorAll('#body td').length"
# Adds up what each task puts into the table: the observer is called once after each.
WATCH = """() => {
    window.tasks = [];
    new MutationObserver((records) => window.tasks.push(records.flatMap((r) => [...r.addedNodes])
        .reduce((sum, row) => sum + row.cells.length, 0)))
        .observe(document.getElementById("body"), { childList: true });
}"""


def cells_drawn(tab: Any) -> int:
    """Wait until all rows that were asked for are drawn, and return the number of cells."""
    start(tab)
    until(tab, "document.getElementById('grid').ariaBusy === 'false'")
    return int(tab.evaluate(CELLS))


def test_a_large_matrix_puts_only_what_is_looked_at_into_the_document(opened: Open) -> None:
    tab = opened(page(big(30)))
    assert tab.locator("#count").inner_text() == "1,152 of 1,152 cases"
    assert 1000 < cells_drawn(tab) <= 1500
    tab.click("#more")
    assert 2000 < cells_drawn(tab) <= 3000
    tab.fill("#text", "call7/")
    assert tab.locator("#count").inner_text() == "48 of 1,152 cases"
    assert 1000 < cells_drawn(tab) <= 1500
    tab.click("#more")
    until(tab, "document.querySelectorAll('#body tr').length === 48")
    assert tab.locator("#more").is_hidden()


def test_no_task_lays_out_more_than_a_part_of_what_is_asked_for(opened: Open) -> None:
    tab = opened(page(big(30)))
    start(tab)
    tab.evaluate(WATCH)
    for ask, where, what in (
        (tab.click, "#more", ()),
        (tab.fill, "#text", ("call7/",)),
        (tab.fill, "#text", ("",)),
        (tab.select_option, "#verdict", ("bad",)),
    ):
        tab.evaluate("window.tasks.length = 0")
        ask(where, *what)
        until(tab, "window.tasks.reduce((sum, n) => sum + n, 0) > 1000")
        tasks = tab.evaluate("window.tasks")
        assert max(tasks) <= sum(tasks) / 5, tasks


def test_typing_on_draws_the_last_filter_only(opened: Open) -> None:
    tab = opened(page(big(30)))
    start(tab)
    tab.evaluate("""() => {
        const text = document.getElementById("text");
        for (const words of ["call1", "call2", "call7/"]) {
            text.value = words;
            text.dispatchEvent(new Event("input", { bubbles: true }));
        }
    }""")
    assert 1000 < cells_drawn(tab) <= 1500
    assert all(id.startswith("call7/") for id in rows(tab))
