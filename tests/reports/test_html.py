# SPDX-License-Identifier: BSD-2-Clause
"""The page as text: complete without scripts, inert whatever a file holds, small enough."""

from __future__ import annotations

import base64
import json
import re
import zlib
from html.parser import HTMLParser
from itertools import product
from typing import Any

import pytest
from attrs import evolve
from report_samples import READ, a_case, matrix, some_results

from reports import html
from reports.html import page
from reports.matrix import Matrix, Question, build
from reports.schema import Case, Sightings, SweepStep

FREEBSD = "freebsd-14.1-amd64-libc"
HOSTILE = "</script><script>alert(1)</script>'\"<!--&\x1b"


class Reader(HTMLParser):
    """Collects tags, attributes and the text outside of style and script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def small() -> Matrix:
    good = a_case(READ, "d", undisturbed=1000)
    good.sightings = Sightings(seen=1000)
    bad = a_case(READ.replace("kqueue", "none"), "d", interrupted=3, undisturbed=997)
    gated = Case.blank(READ.replace("read-pipe", "poll"), "d", "unsupported", "no such thing")
    question = Question("Q1", "Is it seen?", ("*/kqueue/*",), "sightings", lambda _: "yes: seen")
    return build([some_results(good, bad, gated, platform=FREEBSD)], [question])


def data_of(text: str) -> Any:
    [found] = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text)
    return json.loads(found)


def pieces_of(squeezed: str) -> Any:
    return json.loads(zlib.decompress(base64.b64decode(squeezed)))


def test_without_scripts_the_page_holds_questions_cells_and_reasons() -> None:
    text = Reader(page(small())).text
    for words in (
        "Q1: Is it seen?",
        "yes: seen",
        "predicted: missed",
        "undisturbed > 99.7 %; seen > 99.7 %",
        "undisturbed 99.7 %, interrupted 0.3 %",
        "interrupted instead of undisturbed",
        "tdsendsignal",
        "(undisturbed; missed)",
    ):
        assert words in text, words


def test_the_page_asks_for_nothing_from_anywhere() -> None:
    text = page(small())
    tags = Reader(text).tags
    assert not [tag for tag, _ in tags if tag in ("link", "img", "iframe", "object", "base")]
    assert not [a for _, a in tags if "src" in a or "style" in a or any(k[:2] == "on" for k in a)]
    links = [a["href"] for tag, a in tags if tag == "a"]
    assert all(str(link).startswith(("#", "https://")) for link in links)
    [policy] = [a["content"] for _, a in tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert str(policy).startswith("default-src 'none'")


def test_whatever_a_file_holds_is_text() -> None:
    some = some_results(
        evolve(a_case(READ, "d", hung=2), note=HOSTILE),
        Case.blank(READ.replace("read-pipe", "poll"), "d", "unsupported", HOSTILE),
        platform=FREEBSD,
    )
    some.platform = evolve(some.platform, version=HOSTILE, compiler=HOSTILE)
    text = page(build([some], [Question("Q1", HOSTILE, (), "outcomes", lambda _: HOSTILE)]))
    assert text.count("<script") == 2 and text.count("</script>") == 2
    assert "alert(1)" in Reader(text).text and "\x1b" not in text
    stored = data_of(text)
    for piece in (*pieces_of(stored["measured"]), *stored["reasons"]):
        assert "<script" not in piece and "alert(1)" in Reader(piece).text


def test_the_same_matrix_gives_the_same_bytes() -> None:
    files = matrix([FREEBSD, "linux-6.18-x86_64-glibc"], [READ], seed=4)
    assert page(build(files)) == page(build(reversed(files)))


def test_each_cell_has_its_drawings() -> None:
    [results] = matrix([FREEBSD], [READ], seed=5)
    results.cases[0].sweep = [SweepStep(-10, {"lost": 2}), SweepStep(10, {"interrupted": 2})]
    [column, *_] = data_of(page(build([results])))["columns"]
    latency, sweep = pieces_of(column[4])
    assert column[3][0][4:] == [0, 1]
    assert "median" in latency and "class=curve" in sweep.replace('"', "") and "-10 ns" in sweep


def test_a_cramped_page_says_what_it_leaves_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "<details id=" in page(small())
    monkeypatch.setattr(html, "ROOMY", 1)
    text = page(small())
    assert "<details id=" not in text and "without scripts" in text
    assert len(data_of(text)["columns"][0][3]) == 3


def test_a_page_shows_how_to_go_on_from_where_it_came() -> None:
    report = evolve(small(), places=("results", "my own.json"))
    assert f"sigprobe evidence results 'my own.json' '{READ}' --on" in Reader(page(report)).text


def big() -> Matrix:
    calls = [f"call{i}" for i in range(32)]
    axes = (
        calls,
        ("SIGCONT", "SIGUSR1"),
        ("ignore", "handler", "handler-restart"),
        ("open", "blocked"),
        ("pthread_kill", "kill"),
        ("none", "kqueue"),
        ("asleep", "before"),
    )
    ids = ["/".join(case) for case in product(*axes)][:3000]
    return build(matrix([f"freebsd-14.{i}-amd64-libc" for i in range(30)], ids, seed=6))


def test_thirty_platforms_and_three_thousand_cases_fit_into_ten_megabytes() -> None:
    assert len(page(big()).encode()) < 10_000_000
