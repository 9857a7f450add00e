# SPDX-License-Identifier: BSD-2-Clause
"""The results file: what is written is read back, and what is not one is refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_samples import READ, a_case, results, some_results

from reports import published
from reports.files import SIZE_MAX
from reports.schema import (
    COUNT_MAX,
    Fault,
    Latency,
    Results,
    bucket,
    dumps,
    load,
    loads,
    save,
    write_whole,
)


@given(results())
def test_what_is_written_is_read_back(some: Results) -> None:
    assert loads(dumps(some).encode(), "x") == some


def test_the_same_results_give_the_same_bytes() -> None:
    one = a_case(undisturbed=1, interrupted=2)
    other = a_case(interrupted=2, undisturbed=1)
    assert dumps(some_results(one)) == dumps(some_results(other))


def test_a_case_takes_one_line_and_optional_fields_are_left_out() -> None:
    lines = dumps(some_results(a_case())).splitlines()
    [line] = [line for line in lines if READ in line]
    assert "sweep" not in line and "note" not in line
    assert json.loads(line)["outcomes"] == {"undisturbed": 1000}


def tree() -> Any:
    case = a_case()
    case.latency_ns = Latency.of({bucket(5000): 3}, 5000)
    return json.loads(dumps(some_results(case, a_case(READ.replace("read", "write")))))


def refusal(tree: Any) -> str:
    with pytest.raises(Fault) as caught:
        loads(json.dumps(tree).encode(), "f.json")
    assert caught.value.status == 2
    message = str(caught.value)
    assert message.startswith("f.json: ") and message.isprintable() and len(message) < 600
    return message


@pytest.mark.parametrize(
    ("key", "value", "place"),
    [
        ("trials", -1, "$.cases[1].trials"),
        ("trials", COUNT_MAX + 1, "$.cases[1].trials"),
        ("trials", 10**4000, "$.cases[1].trials"),
        ("trials", "1000", "$.cases[1].trials"),
        ("trials", True, "$.cases[1].trials"),
        ("trials", 1000.0, "$.cases[1].trials"),
        ("trials", 7, "$.cases[1]"),
        ("reached", 1001, "$.cases[1]"),
        ("late", 1001, "$.cases[1]"),
        ("seconds", float("nan"), "$.cases[1].seconds"),
        ("seconds", float("inf"), "$.cases[1].seconds"),
        ("seconds", 1e300, "$.cases[1].seconds"),
        ("unknown", [0, {"x": float("-inf")}], "$.cases[1].unknown[1].x"),
        ("id", "../../etc/passwd", "$.cases[1].id"),
        ("id", "a/b/c/d/e/f", "$.cases[1].id"),
        ("id", "blockif/a/b/c/d/e/f", "$.cases[1].id"),
        ("id", READ + "\n", "$.cases[1].id"),
        ("id", READ, "$"),
        ("status", "fine", "$.cases[1].status"),
        ("method", None, "$.cases[1].method"),
        ("reason", 3, "$.cases[1].reason"),
        ("outcomes", {"vanished": 1000}, "$.cases[1].outcomes"),
        ("outcomes", [], "$.cases[1].outcomes"),
        ("sightings", {"seen": 0}, "$.cases[1].sightings"),
        ("latency_ns", {"p50": 0, "p99": 0, "max": 0, "buckets": {}}, "$.cases[1].latency_ns"),
        ("sweep", [{"offset_ns": 0, "outcomes": {"lost": -1}}], "$.cases[1].sweep[0].outcomes"),
        ("traced", 1, "$.cases[1].traced"),
    ],
)
def test_a_fault_names_the_file_and_the_place(key: str, value: object, place: str) -> None:
    wrong = tree()
    wrong["cases"][1][key] = value
    assert refusal(wrong).removeprefix("f.json: ").startswith(place)


@pytest.mark.parametrize("buckets", [[[16, 1], [16, 1]], [[33, 1]], [[16, 1, 1]], [16, 1], "ab"])
def test_latency_buckets_must_be_an_ascending_histogram(buckets: object) -> None:
    wrong = tree()
    wrong["cases"][0]["latency_ns"]["buckets"] = buckets
    assert "$.cases[0].latency_ns" in refusal(wrong)


@pytest.mark.parametrize("key", ["platform", "run", "cases"])
def test_what_is_missing_is_named(key: str) -> None:
    wrong = tree()
    del wrong[key]
    assert f"lacks {key}" in refusal(wrong)


@pytest.mark.parametrize("value", [None, {}, "cases", 1, [1], [None]])
def test_cases_must_be_a_list_of_objects(value: object) -> None:
    assert "$.cases" in refusal({**tree(), "cases": value})


@pytest.mark.parametrize("id", ["../up", "a/b", "a..b", "-a", "a b", "<b>", ""])
def test_a_platform_id_cannot_be_a_path_or_markup(id: str) -> None:
    wrong = tree()
    wrong["platform"]["id"] = id
    assert "$.platform.id" in refusal(wrong)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[" * 1_000_000, "nested too deeply"),
        (b'{"a":' * 200_000, "nested too deeply"),
        (b"9" * 5000, "too many digits"),
        (b"[]", "not a sigprobe results file"),
        (b"null", "not a sigprobe results file"),
        (b'{"schema": "other/1"}', "not a sigprobe results file"),
        (b'{"schema": "sigprobe-results/12"}', "sigprobe-results/12 is newer"),
        (b'{"schema": "sigprobe-results/x"}', "sigprobe-results/x is not"),
        (b'{"schema": "sigprobe-results/1", "schema": 1}', "$: key 'schema' appears twice"),
        (b'{"cases": [{"id": 1, "id": 2}]}', "$.cases[0]: key 'id' appears twice"),
        (b" " * (SIZE_MAX + 1), "larger than"),
    ],
)
def test_what_is_no_results_file_is_one_line(data: bytes, words: str) -> None:
    with pytest.raises(Fault, match="^f.json: ") as caught:
        loads(data, "f.json")
    assert words in str(caught.value) and str(caught.value).isprintable()


@given(results(), st.data())
def test_a_file_cut_short_is_refused(some: Results, data: st.DataObject) -> None:
    whole = dumps(some).encode()
    part = whole[: data.draw(st.integers(0, len(whole) - 2))]
    with pytest.raises(Fault):
        loads(part, "x")


@given(results(), st.data())
def test_a_damaged_file_is_read_or_refused_but_never_breaks(some: Results, data: Any) -> None:
    whole = bytearray(dumps(some).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        read = loads(bytes(whole), "x")
    except Fault as fault:
        assert str(fault).isprintable()
    else:
        assert loads(dumps(read).encode(), "x") == read


def test_unknown_fields_are_dropped_and_markup_is_text() -> None:
    some = tree()
    some["cases"][0]["new"] = {"deep": [1, 2]}
    some["cases"][0]["note"] = "<script>\x1b[31m\u202e\ud800\nend"
    read = loads(json.dumps(some).encode(), "x")
    assert read.cases[0].note == "<script>\ufffd[31m\ufffd\ufffd end"
    assert "new" not in dumps(read)


def test_a_missing_file_and_a_folder_are_faults(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path, Path("with\0nul")):
        with pytest.raises(Fault, match="cannot be read"):
            load(path)


def test_saving_is_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    save(some_results(a_case()), path)
    before = path.read_bytes()
    with pytest.raises(Fault, match="cannot be written"):
        write_whole(tmp_path / "missing" / "out.json", "x")
    with pytest.raises(TypeError):
        write_whole(path, 3)  # type: ignore[arg-type]
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["out.json"]
    assert load(path) == some_results(a_case())


def test_saving_keeps_a_link_and_the_mode(tmp_path: Path) -> None:
    path, link = tmp_path / "out.json", tmp_path / "link.json"
    path.write_text("old")
    path.chmod(0o640)
    link.symlink_to(path)
    write_whole(link, "new")
    assert path.read_text() == "new" and link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640


def test_the_published_json_schema_is_the_types() -> None:
    assert published.PUBLISHED.read_text() == published.text(), "run python -m reports.published"


@given(results())
def test_what_is_written_holds_by_the_published_schema(some: Results) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(json.loads(dumps(some)), published.json_schema())


@given(st.integers(0, COUNT_MAX))
def test_a_bucket_is_at_most_a_sixteenth_wide(ns: int) -> None:
    low = bucket(ns)
    assert low <= ns and bucket(low) == low and (ns - low) * 16 <= ns
    assert ns >= 32 or low == ns


def test_percentiles_come_from_the_buckets() -> None:
    latency = Latency.of({1024: 98, 4096: 1, 65536: 1}, 70000)
    assert (latency.p50, latency.p99, latency.max) == (1024, 4096, 70000)
    assert Latency.of({}, 0) == Latency()
