# SPDX-License-Identifier: BSD-2-Clause
"""The expectations as shipped are clean, and the linter finds what is planted."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import pytest
from report_samples import a_platform

from reports.expectations import (
    PLATFORMS,
    accepts,
    expectations_for,
    load_expectations,
    release_of,
)
from reports.expectations.lint import lint
from reports.schema import Fault

READ = "read-pipe/SIGUSR1/handler/open/pthread_kill/none/asleep"


def probe_cases() -> Any:
    """The cases of probes and of the reference port, as their planes name them."""
    cases = pytest.importorskip("probes.cases")
    return cases.universe(cases.PROBES, cases.PROBES.parent / "blockif_ref")


def universe() -> list[str]:
    """The cases of the planes, and products that hold what an exact id may ask for besides."""
    probes = product(
        ("read-pipe", "ppoll", "sigwait"),
        ("SIGCONT", "SIGUSR1"),
        ("default", "ignore", "handler", "handler-restart"),
        ("open", "open-all", "blocked"),
        ("pthread_kill", "kill"),
        ("none",),
        ("asleep", "before", "sweep"),
    )
    return [*probe_cases().ids, *map("/".join, probes)]


@pytest.mark.parametrize("name", PLATFORMS)
def test_the_shipped_expectations_are_clean(name: str) -> None:
    assert lint(load_expectations(name), universe()) == []


def write(folder: Path, text: str, name: str = "some") -> Path:
    head = 'title = "Some"\nabout = "for a test"\n'
    (folder / f"{name}.toml").write_text(text if "title" in text else head + text)
    return folder


ENTRY = """
[[expect]]
call = ["read-pipe"]
outcomes = ["interrupted"]
confidence = "R"
source = "a file, a function"
"""


@pytest.mark.parametrize(
    ("planted", "words"),
    [
        (ENTRY.replace("a file, a function", ""), "source is too short"),
        (ENTRY.replace("read-pipe", "read-tape"), "'read-tape' matches none"),
        (ENTRY + 'signal = ["!SIGNIL"]', "'!SIGNIL' matches none"),
        (ENTRY + 'sender = ["raise"]', "matches no case"),
        (ENTRY + ENTRY.replace("interrupted", "restarted"), "entry 1 and 2 contradict"),
        (ENTRY + ENTRY, "entry 2: is never used"),
        (ENTRY + 'since = "2.0"\nuntil = "1.9"', "range of releases is empty"),
        (ENTRY + 'bug = {address = "somewhere", outcomes = ["lost"]}', "bug has no address"),
        (
            ENTRY + 'bug = {address = "https://bugs/1", outcomes = ["interrupted"]}',
            "bug shows nothing",
        ),
        (
            (ENTRY + ENTRY.replace("outcomes = [", 'sightings = "seen"\n#')) * 2,
            "entry 4: is never used",
        ),
    ],
)
def test_the_linter_finds_what_is_planted(tmp_path: Path, planted: str, words: str) -> None:
    found = lint(load_expectations("some", write(tmp_path, planted)), [READ])
    assert any(words in line for line in found), found


def test_ranges_that_do_not_meet_do_not_contradict(tmp_path: Path) -> None:
    older = ENTRY + 'until = "2.10"'
    newer = ENTRY.replace("interrupted", "restarted") + 'since = "2.10"'
    some = load_expectations("some", write(tmp_path, older + newer))
    assert lint(some, [READ]) == []
    assert some.expect(READ, (2, 9)).outcomes == {"interrupted"}
    assert some.expect(READ, (2, 10, 1)).outcomes == {"restarted"}
    assert some.expect(READ).outcomes == {"restarted"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("title = 1 2", "some.toml: "),
        ('title = "x"', "some.toml: "),
        (ENTRY.replace("interrupted", "vanished"), "entry 1: unknown outcome vanished"),
        (ENTRY + 'colour = "red"', "entry 1: unknown key colour"),
        (ENTRY.replace('"R"', '"K"'), "confidence 'K' is unknown"),
        (ENTRY.replace("read-pipe", "@nobody"), "no set is called @nobody"),
        (ENTRY.replace("call", "#call"), "names no cases"),
        (ENTRY + 'scenario = ["asleep"]', "mixes case forms"),
        (ENTRY.replace("outcomes =", "#"), "says nothing"),
        (ENTRY + 'sightings = "perhaps"', "sightings 'perhaps'"),
        (ENTRY + 'since = "soon"', "'soon' is no release"),
        (ENTRY + "bug = {outcomes = []}", "address"),
        ("[[expect]]\ncall = 3", "entry 1"),
        ("expect = [3]", "entry 1"),
    ],
)
def test_a_broken_file_is_one_line_that_names_it(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(Fault, match=r"^some\.toml: ") as caught:
        load_expectations("some", write(tmp_path, text))
    assert words in str(caught.value)


def test_a_platform_without_a_file_is_a_fault() -> None:
    with pytest.raises(Fault, match="no expectations for 'plan9'"):
        load_expectations("plan9")


def test_own_entries_go_before_inherited_ones(tmp_path: Path) -> None:
    write(tmp_path, ENTRY, "base")
    poll = READ.replace("read-pipe", "poll")
    base = ENTRY.replace("read-pipe", "poll")
    write(tmp_path, ENTRY + base, "base")
    head = 'title = "c"\nabout = "c"\ninherits = "base"\n'
    write(tmp_path, head + ENTRY.replace("interrupted", "restarted"), "child")
    child = load_expectations("child", tmp_path)
    assert child.expect(READ).outcomes == {"restarted"}
    assert child.expect(poll).outcomes == {"interrupted"}


def test_also_names_more_cases_by_what_differs(tmp_path: Path) -> None:
    text = (
        ENTRY + 'disposition = ["ignore"]\nalso = {disposition = ["default"], signal = ["SIGURG"]}'
    )
    some = load_expectations("some", write(tmp_path, text))
    ignored = READ.replace("handler", "ignore")
    default = READ.replace("handler", "default")
    urgent = default.replace("SIGUSR1", "SIGURG")
    assert [bool(some.about_case(id)) for id in (ignored, default, urgent)] == [True, False, True]


def test_globs_take_and_take_away() -> None:
    assert accepts((), "poll") and accepts(("p*",), "poll")
    assert accepts(("!read*",), "poll") and not accepts(("p*", "!*ll"), "poll")


@pytest.mark.parametrize(
    ("text", "release"),
    [("12.1-RELEASE", (12, 1)), ("6.18.44-x", (6, 18, 44)), ("", None), ("current", None)],
)
def test_releases_are_the_leading_numbers(text: str, release: tuple[int, ...] | None) -> None:
    assert release_of(text) == release


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"os": "Linux"}, "linux"),
        ({"os": "SunOS"}, "illumos"),
        ({"os": "Linux", "emulation": "gvisor"}, "gvisor"),
        ({"os": "Linux", "kqueue": "libkqueue"}, "libkqueue"),
        ({"os": "Linux", "emulation": "qemu-user"}, "linux"),
        ({"os": "Haiku"}, None),
    ],
)
def test_a_measured_platform_finds_its_expectations(
    changes: dict[str, object], name: str | None
) -> None:
    found = expectations_for(a_platform(**changes))  # type: ignore[arg-type]
    assert (found.platform if found else None) == name


def test_the_four_questions_of_the_mail_have_their_answers() -> None:
    """The heart of the matter, spelled out once more beside the data."""
    mail = "read-pipe/SIGCONT/ignore/open/pthread_kill/kqueue/asleep"
    sightings = {
        "freebsd": "seen",
        "darwin": "missed",
        "openbsd": "seen",
        "netbsd": "seen",
        "dragonfly": "missed",
        "libkqueue": "missed",
    }
    for name, sighting in sightings.items():
        expected = load_expectations(name).expect(mail)
        assert expected.outcomes == {"undisturbed"}
        assert expected.sighting and expected.sighting.sightings == sighting
    before = "read-pipe/SIGCONT/handler/open/pthread_kill/none/before"
    for name in ("linux", "freebsd", "darwin"):
        assert load_expectations(name).expect(before).outcomes == {"lost"}


def test_linux_judges_all_that_a_plain_run_measures() -> None:
    linux = load_expectations("linux")
    known = probe_cases()
    default = [id for id in known.default if not known.gate(id, "linux")]
    watchers = {"signalfd", "signalfd-epoll", "sigwait"}
    watched = [id for id in default if watchers & {*id.split("/")[5:6]}]
    assert [id for id in default if not linux.expect(id).outcomes] == []
    assert [id for id in watched if not linux.expect(id).sighting] == []


def test_musl_goes_before_the_look_alike_that_runs_it() -> None:
    gvisor = a_platform("linux-4.4-x86_64-musl+gvisor", emulation="gvisor", libc="musl")
    found = expectations_for(gvisor)
    assert found is not None
    waits = found.expect("sigtimedwait/SIGUSR1/handler/open/pthread_kill/none/asleep")
    assert waits.outcomes == {"restarted"}
    accepts = found.expect("accept/SIGUSR1/handler-restart/open/pthread_kill/none/asleep")
    assert accepts.outcome is not None
    assert accepts.outcome.bug is not None
