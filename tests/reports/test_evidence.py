# SPDX-License-Identifier: BSD-2-Clause
"""A bundle says all that a bug report needs, the same each time, and stays in its folder."""

from __future__ import annotations

import errno
import hashlib
from pathlib import Path

import pytest
from attrs import evolve
from report_samples import READ, a_case, some_results

from reports.evidence import NAMES, Story, choose, folder_name, write_bundle
from reports.schema import Case, Fault, Latency, Results, Sightings, SweepStep, load

FREEBSD = "freebsd-14.1-amd64-libc"
STORY = Story("A thread sleeps in read.", ("Q1: is it seen?",), "int main(void) { return 0; }\n")


def bad_news(interrupted: int = 500) -> Results:
    case = a_case(READ, "d", undisturbed=1000, interrupted=interrupted)
    case.sightings = Sightings(seen=case.trials)
    case.latency_ns = Latency.of({4096: interrupted}, 5000)
    return some_results(case, a_case(READ.replace("read", "write")), platform=FREEBSD)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_bundle_holds_what_a_report_needs(tmp_path: Path) -> None:
    assert write_bundle(bad_news(), READ, tmp_path, STORY) == []
    files = contents(tmp_path)
    assert set(files) == set(NAMES) - {"trace.txt"}
    for report in (files["report.md"].decode(), files["report.txt"].decode()):
        words = " ".join(report.split())
        assert "interrupted instead of undisturbed" in words
        assert "500 of 1,500; 33 %" in words
        assert "observed on 12.1" in words and "tdsendsignal" in words
        assert "A thread sleeps in read." in words and "Q1: is it seen?" in words
        assert "cc -pthread -o repro repro.c" in report
        assert "median 4,096 ns" in words
        assert "macOS: undisturbed; missed" in words
    assert load(tmp_path / "result.json").cases == bad_news().cases[:1]
    assert files["repro.c"].decode() == STORY.repro


def test_the_checksums_are_those_of_the_files(tmp_path: Path) -> None:
    write_bundle(bad_news(), READ, tmp_path, evolve(STORY, trace="read(3) EINTR\n"))
    files = contents(tmp_path)
    sums = files.pop("SHA256SUMS").decode().splitlines()
    assert files.pop("trace.txt") == b"read(3) EINTR\n"
    assert sums == [f"{hashlib.sha256(files[n]).hexdigest()}  {n}" for n in sorted(files)]


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_bundle(bad_news(), READ, tmp_path / name, STORY)
    write_bundle(bad_news(), READ, tmp_path / "b", STORY)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_a_trace_changes_nothing_else_in_the_bundle(tmp_path: Path) -> None:
    for trace in ("one", "another"):
        write_bundle(bad_news(), READ, tmp_path / trace, evolve(STORY, trace=trace))
        (tmp_path / trace / "trace.txt").unlink()
    assert contents(tmp_path / "one") == contents(tmp_path / "another")


def test_without_a_reproducer_the_reports_say_why(tmp_path: Path) -> None:
    story = evolve(STORY, repro=None, lacking="it needs a FUSE server")
    write_bundle(bad_news(), READ, tmp_path, story)
    for name in ("report.md", "report.txt"):
        text = (tmp_path / name).read_text()
        assert "no straight-line program: it needs a FUSE server" in " ".join(text.split())
        assert "cc -pthread" not in text


def test_a_bundle_is_about_the_platform_that_was_chosen() -> None:
    one, other = bad_news(), some_results(a_case(READ, "d"), platform="netbsd-10.0-amd64-libc")
    elsewhere = some_results(a_case("poll/" + READ.partition("/")[2], "d"))
    files = [one, other, elsewhere]
    assert choose(files, READ, FREEBSD) == one
    assert choose([one], READ, None) == one
    assert choose([other, elsewhere], READ, None) == other
    assert choose([one, evolve(one, cases=one.cases[1:]), one], READ, None).cases[0].trials == 1500
    with pytest.raises(Fault, match=f"choose one by --on: {FREEBSD}, netbsd"):
        choose(files, READ, None)
    with pytest.raises(Fault, match=f"{elsewhere.platform.id} has no {READ}"):
        choose(files, READ, elsewhere.platform.id)
    with pytest.raises(Fault, match="no such case"):
        choose(files, "open/x", None)


def test_a_mail_has_lines_that_fit(tmp_path: Path) -> None:
    write_bundle(bad_news(), READ, tmp_path, STORY)
    lines = (tmp_path / "report.txt").read_text().splitlines()
    assert [
        line for line in lines if len(line) > 72 and "  " not in line and READ not in line
    ] == []


@pytest.mark.parametrize(
    ("changes", "platform", "words"),
    [
        ({}, {"emulation": "gvisor"}, "under gvisor"),
        ({}, {"tracer": "strace"}, "A tracer"),
        ({"traced": True}, {}, "A tracer"),
        ({"method": "settled"}, {}, "method settled"),
        ({"trials": 50, "outcomes": {"undisturbed": 50}, "reached": 50}, {}, "Only 50 trials"),
        ({"reached": 3}, {}, "Inconclusive"),
        ({"status": "unsupported"}, {}, "not measured"),
    ],
)
def test_it_warns_of_weak_evidence(
    tmp_path: Path, changes: dict[str, object], platform: dict[str, object], words: str
) -> None:
    some = bad_news()
    some.cases[0] = evolve(some.cases[0], **changes)  # type: ignore[arg-type]
    some.platform = evolve(some.platform, **platform)  # type: ignore[arg-type]
    warnings = write_bundle(some, READ, tmp_path, STORY)
    assert any(words in warning for warning in warnings), warnings
    assert "What weakens this" in (tmp_path / "report.md").read_text()


def test_it_warns_of_an_outcome_seen_too_few_times(tmp_path: Path) -> None:
    [warning] = write_bundle(bad_news(interrupted=3), READ, tmp_path, STORY)
    assert "interrupted was seen only 3 of 1,003" in warning


def test_a_sweep_is_told_step_by_step(tmp_path: Path) -> None:
    some = bad_news()
    some.cases[0].sweep = [SweepStep(-50, {"lost": 1, "interrupted": 3}), SweepStep(0, {"lost": 4})]
    write_bundle(some, READ, tmp_path, STORY)
    assert "-50 ns  interrupted 75 %, lost 25 %" in (tmp_path / "report.txt").read_text()


def test_markup_is_text(tmp_path: Path) -> None:
    some = bad_news()
    some.cases[0].note = "<img src=x onerror=alert(1)> ![x](http://x)"
    write_bundle(some, READ, tmp_path, STORY)
    report = (tmp_path / "report.md").read_text()
    assert "<img" not in report and "![" not in report


def test_nothing_is_written_beside_the_folder(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("mine")
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "report.md").symlink_to(target)
    with pytest.raises(Fault, match=r"report\.md"):
        write_bundle(bad_news(), READ, folder, STORY)
    assert target.read_text() == "mine"


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(Fault, match=r"thesis\.tex"):
        write_bundle(bad_news(), READ, tmp_path, STORY)
    (tmp_path / "file").write_text("x")
    with pytest.raises(Fault, match="cannot take the bundle"):
        write_bundle(bad_news(), READ, tmp_path / "file", STORY)


@pytest.mark.parametrize("name", ["report.md", "result.json", "SHA256SUMS", "trace.txt"])
def test_what_only_has_a_bundles_name_is_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(Fault, match="not as a bundle left them"):
        write_bundle(bad_news(), READ, tmp_path, STORY)
    assert contents(tmp_path) == {name: b"mine"}


def test_a_bundle_that_was_edited_is_left_alone(tmp_path: Path) -> None:
    write_bundle(bad_news(), READ, tmp_path, STORY)
    with (tmp_path / "report.md").open("a") as report:
        report.write("PS: mine\n")
    with pytest.raises(Fault, match="not as a bundle left them"):
        write_bundle(bad_news(), READ, tmp_path, STORY)
    assert b"PS: mine" in contents(tmp_path)["report.md"]


def test_a_full_disk_leaves_the_older_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_bundle(bad_news(), READ, tmp_path, STORY)
    before = contents(tmp_path)

    def full(target: Path, data: bytes) -> None:
        if target.name == "result.json":
            raise OSError(errno.ENOSPC, "No space left on device")
        target.write_bytes(data)

    monkeypatch.setattr("reports.files._replace", full)
    with pytest.raises(Fault, match="No space left"):
        write_bundle(bad_news(interrupted=3), READ, tmp_path, STORY)
    assert contents(tmp_path) == before


def test_a_case_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="no such case"):
        write_bundle(bad_news(), "poll/x", tmp_path, STORY)


def test_an_older_bundle_is_replaced_whole(tmp_path: Path) -> None:
    write_bundle(bad_news(), READ, tmp_path, evolve(STORY, trace="old"))
    write_bundle(bad_news(), READ, tmp_path, evolve(STORY, repro=None))
    assert set(contents(tmp_path)) == {"report.md", "report.txt", "result.json", "SHA256SUMS"}


def test_a_gated_case_can_be_told_too(tmp_path: Path) -> None:
    gated = some_results(Case.blank(READ, "d", "unsupported", "no kqueue"))
    assert write_bundle(gated, READ, tmp_path, STORY)


def test_the_folder_is_named_after_the_case() -> None:
    name = "evidence-read-pipe.SIGCONT.ignore.open.pthread_kill.kqueue.asleep"
    assert folder_name(READ) == name
    assert folder_name(READ, f"{FREEBSD} (2)") == f"{name}-{FREEBSD}-2"
    assert "/" not in folder_name(READ, "../../up")
