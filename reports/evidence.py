# SPDX-License-Identifier: BSD-2-Clause
"""One cell as a bundle for a bug report: the same input gives the same bytes, trace aside.

What this room cannot know (the case in a sentence, the questions, the reproducer, a trace) is
handed in. Nothing is written outside the bundle's folder, whatever an id or a link says.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from attrs import evolve, frozen

from reports.expectations import (
    CONFIDENCES,
    Entry,
    Expected,
    expectations_for,
    load_expectations,
    release_of,
)
from reports.matrix import expectation_text, facts, gather, ordered
from reports.schema import Case, Fault, Platform, Results, dumps, printable, write_whole
from reports.shares import percent, share_text
from reports.tables import markdown_text
from reports.verdicts import Judgement, judge

FEW_TRIALS = 100
FEW_TIMES = 10
ABOUT = (
    "sigprobe measures what a signal does to a thread in a blocking call, by the kernel's own word "
    "and not by time-outs. repro.c, where there is one, has nothing of sigprobe in it and needs "
    "only a C compiler; the two check each other."
)
SUMS = "SHA256SUMS"
UNSUMMED = ("trace.txt", SUMS)
NAMES = ("report.md", "report.txt", "result.json", "repro.c", *UNSUMMED)


@frozen
class Story:
    """What the caller knows of a case; texts without markup, `repro` a C program."""

    sentence: str = ""
    questions: tuple[str, ...] = ()
    repro: str | None = None
    lacking: str = ""  # why there is no reproducer
    trace: str | None = None


@frozen
class _Section:
    """A heading with paragraphs, a list, or lines to be shown as they are."""

    title: str
    paragraphs: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    code: tuple[str, ...] = ()


def write_bundle(results: Results, case_id: str, folder: Path, story: Story) -> list[str]:
    """Write the bundle and return its warnings.

    Raises Fault (status 2) if the results lack the case or the folder cannot take the bundle.
    """
    case = _find(results, case_id)
    judgement = _judged(results, case)
    warnings = list(warnings_about(results.platform, case, judgement))
    _put(_files(results, case, judgement, warnings, story), folder)
    return warnings


def folder_name(case_id: str, label: str | None = None) -> str:
    """Return a name for the bundle's folder, without any slash; `label` is a column's."""
    words = (case_id.replace("/", "."), *([label] if label else ()))
    return re.sub(r"[^\w.+-]+", "-", "-".join(("evidence", *words))).strip("-")


def choose(files: Iterable[Results], case_id: str, label: str | None) -> Results:
    """Return the results, merged by platform, that a report shows in the column `label`.

    Without a label there must be but one column with the case. Fault (status 2) otherwise.
    """
    columns = gather(files)
    if len(columns) == 1 and label is None:
        return columns[0][1]
    found = {name: some for name, some in columns if any(c.id == case_id for c in some.cases)}
    chosen = found if label is None else {k: v for k, v in found.items() if k == label}
    if len(chosen) == 1:
        return chosen.popitem()[1]
    if not found:
        raise Fault(f"{case_id}: the results hold no such case")
    which = f"{label} has no {case_id}" if label else f"{case_id}: several platforms have it"
    raise Fault(f"{which}; choose one by --on: {', '.join(found)}")


def _find(results: Results, case_id: str) -> Case:
    for case in results.cases:
        if case.id == case_id:
            return case
    raise Fault(f"{case_id}: the results hold no such case")


def _judged(results: Results, case: Case) -> Judgement:
    expectations = expectations_for(results.platform)
    release = release_of(results.platform.release)
    return judge(case, expectations.expect(case.id, release) if expectations else Expected())


def _files(
    results: Results, case: Case, judgement: Judgement, warnings: list[str], story: Story
) -> dict[str, str]:
    title = f"{case.id} on {results.platform.id}: {judgement.reason}"
    sections = list(_sections(results, case, judgement, warnings, story))
    files = {
        "report.md": _as_markdown(title, sections),
        "report.txt": _as_text(title, sections),
        "result.json": dumps(evolve(results, cases=[case])),
    }
    if story.repro is not None:
        files["repro.c"] = story.repro
    # The same input gives the same sums: the trace, which differs from run to run, has none.
    files[SUMS] = "".join(_checksum(name, files[name]) for name in sorted(files))
    if story.trace is not None:
        files["trace.txt"] = story.trace
    return files


def _checksum(name: str, content: str | bytes) -> str:
    data = content.encode("utf-8", "replace") if isinstance(content, str) else content
    return f"{hashlib.sha256(data).hexdigest()}  {name}\n"


def _put(files: dict[str, str], folder: Path) -> None:
    """Put all files into the folder or none, in the place of an older bundle's."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        older = sorted(folder.iterdir())
        _check_bundle(folder, older)
        with tempfile.TemporaryDirectory(prefix=".", dir=folder) as staged:
            for name, text in files.items():
                write_whole(Path(staged, name), text)
            for path in older:
                path.unlink()
            for name in files:
                Path(staged, name).replace(folder / name)
    except OSError as error:
        raise Fault(f"{folder}: cannot take the bundle: {error.strerror}") from None


def _check_bundle(folder: Path, there: Sequence[Path]) -> None:
    """Raise Fault unless what is there is nothing, or a bundle as it was written."""
    for path in there:
        if path.name not in NAMES or path.is_symlink() or not path.is_file():
            raise Fault(f"{folder}: holds {path.name}, which is no part of a bundle")
    summed = (path for path in there if path.name not in UNSUMMED)
    sums = "".join(_checksum(path.name, path.read_bytes()) for path in summed)
    told = (folder / SUMS).read_bytes() if (folder / SUMS).exists() else b""
    if there and sums.encode() != (told or None):
        raise Fault(f"{folder}: its files are not as a bundle left them")


def warnings_about(platform: Platform, case: Case, judgement: Judgement) -> Iterator[str]:
    """Yield what the reader of a bug report would hold against it."""
    entry = judgement.expected.outcome
    odd = {k: n for k, n in case.outcomes.items() if entry and k not in entry.outcomes and n}
    odd.pop("ambiguous", None)
    if case.status != "measured":
        yield f"The case was not measured: {judgement.reason}."
    elif case.trials < FEW_TRIALS:
        yield f"Only {case.trials:,} trials were made; {FEW_TRIALS:,} are the least to show."
    for name in ordered(odd):
        if odd[name] < FEW_TIMES and case.trials >= FEW_TRIALS:
            yield f"The outcome {name} was seen only {share_text(odd[name], case.trials)}."
    if case.traced or platform.tracer:
        yield "A tracer was attached: ignored signals are not dropped then, so this is no evidence."
    if platform.emulation:
        yield f"It was measured under {platform.emulation}, which may be what is at fault."
    if case.method != "observed":
        yield f"The target was not seen asleep by the kernel's own word (method {case.method})."
    if judgement.verdict == "inconclusive":
        yield f"Inconclusive: {judgement.reason}."


def _sections(
    results: Results, case: Case, judgement: Judgement, warnings: list[str], story: Story
) -> Iterator[_Section]:
    yield _Section("What was asked", (story.sentence or case.id, *story.questions))
    yield _Section("What is expected", points=tuple(_expectation_points(judgement.expected)))
    yield _Section("What was measured", points=tuple(_measured_points(case, judgement)))
    if case.sweep:
        yield _Section(
            "The sweep", ("Entry minus send, and the outcomes.",), code=_sweep_rows(case)
        )
    yield _Section("Platform", points=tuple(platform_points(results)))
    missing = (f"There is no straight-line program: {story.lacking}.",) if story.lacking else ()
    yield _Section("To reproduce", missing, code=_reproduce(case, story))
    elsewhere = tuple(_elsewhere(case, results.platform))
    if elsewhere:
        yield _Section("What other platforms are expected to do", points=elsewhere)
    if warnings:
        yield _Section("What weakens this", points=tuple(warnings))
    yield _Section("What made this", (ABOUT,))


def _expectation_points(expected: Expected) -> Iterator[str]:
    if not expected.outcome and not expected.sighting:
        yield "Nothing: no documentation or source has been entered for it."
    for words, entry in (
        (" or ".join(ordered(expected.outcomes)), expected.outcome),
        (f"watcher: {entry_sighting(expected)}", expected.sighting),
    ):
        if entry:
            yield f"{words} ({source_text(entry)})"
    if expected.outcome and expected.outcome.bug:
        bug = expected.outcome.bug
        yield f"Known bug: {' or '.join(ordered(bug.outcomes))}, {bug.address}"


def entry_sighting(expected: Expected) -> str:
    """Return the sighting that is expected: seen, missed, or either."""
    return str(expected.sighting.sightings) if expected.sighting else ""


def source_text(entry: Entry) -> str:
    """Return an entry's source with how it is known, and its note."""
    note = f"; {entry.note}" if entry.note else ""
    return f"{CONFIDENCES[entry.confidence]}: {entry.source}{note}"


def _measured_points(case: Case, judgement: Judgement) -> Iterator[str]:
    yield f"Verdict: {judgement.verdict} ({judgement.reason})"
    yield from facts(case)
    latency = case.latency_ns
    if latency.buckets:
        yield (
            f"from send to return: median {latency.p50:,} ns, 99 % below {latency.p99:,} ns, "
            f"longest {latency.max:,} ns"
        )


def _sweep_rows(case: Case) -> tuple[str, ...]:
    rows = []
    for step in case.sweep or ():
        total = sum(step.outcomes.values()) or 1
        told = ", ".join(f"{k} {percent(step.outcomes[k] / total)}" for k in ordered(step.outcomes))
        rows.append(f"{step.offset_ns:>8} ns  {told}")
    return tuple(rows)


def platform_points(results: Results) -> Iterator[str]:
    """Yield what is to be known of a platform and its run, a line each."""
    platform = results.platform
    yield f"{platform.os} {platform.release} {platform.version}".rstrip()
    yield f"{platform.machine}, processors: {platform.cpus}, {platform.libc}, {platform.compiler}"
    if platform.threadstate:
        yield f"thread state: {platform.threadstate.reader}, level {platform.threadstate.level}"
    if platform.kqueue:
        yield f"kqueue: {platform.kqueue}"
    yield f"sigprobe {results.run.tool}, started {results.run.started}, seed {results.run.seed}"


def _reproduce(case: Case, story: Story) -> tuple[str, ...]:
    again = f"sigprobe run '{case.id}' --trials {max(case.trials, 1)}"
    if story.repro is None:
        return (again,)
    return ("cc -pthread -o repro repro.c", "./repro   # the last line is: outcome: WORD", again)


def _elsewhere(case: Case, platform: Platform) -> Iterator[str]:
    own = expectations_for(platform)
    for name in ("posix", "linux", "freebsd", "darwin", "openbsd", "netbsd", "dragonfly"):
        other = load_expectations(name)
        expected = other.expect(case.id)
        if own is not other and (expected.outcome or expected.sighting):
            yield f"{other.title}: {expectation_text(expected)}"


def _as_markdown(title: str, sections: list[_Section]) -> str:
    lines = [f"# {markdown_text(title)}"]
    for section in sections:
        lines += ["", f"## {markdown_text(section.title)}", ""]
        lines += [f"{markdown_text(text)}\n" for text in section.paragraphs]
        lines += [f"- {markdown_text(text)}" for text in section.points]
        if section.code:
            lines += ["```", *map(printable, section.code), "```"]
    return "\n".join(lines) + "\n"


def _as_text(title: str, sections: list[_Section]) -> str:
    lines = [_wrapped(title)]
    for section in sections:
        lines += ["", section.title, "-" * len(section.title), ""]
        lines += [f"{_wrapped(text)}\n" for text in section.paragraphs]
        lines += [_wrapped(text, "* ") for text in section.points]
        lines += [f"    {printable(line)}" for line in section.code]
    return "\n".join(lines) + "\n"


def _wrapped(text: str, bullet: str = "") -> str:
    """Return the text in lines of at most 72 columns, ids and addresses kept whole."""
    return textwrap.fill(
        printable(text),
        72,
        initial_indent=bullet,
        subsequent_indent=" " * len(bullet),
        break_long_words=False,
        break_on_hyphens=False,
    )
