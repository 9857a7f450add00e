# SPDX-License-Identifier: BSD-2-Clause
"""The command line: one function a subcommand, no logic of its own.

Results go to standard output or to a file, progress and remarks to standard error. Exit status:
0 all is as expected or nobody has judged it; 1 something deviates, varies, hung or is
inconclusive; 2 wrong usage or unreadable input; 3 the machine lacks something; 130 interrupted.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import json
import math
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, TextIO

from attrs import evolve
from tabulate import tabulate

from blockif_ref import bench, predict
from blockif_ref import repro as port_repro
from kernels import hosts
from probes import campaign, cases, kit, machine, questions, repro, tracing
from probes.engine import Engine, Kind, Status
from probes.sentence import sentence
from reports import compare, evidence, matrix, schema, tables
from reports.expectations import (
    CONFIDENCES,
    PLATFORMS,
    load_expectations,
)
from reports.schema import Fault

HERE = Path(__file__).resolve().parent
ROOTS = tuple(root for root in (HERE / "probes", HERE / "blockif_ref") if (root / "c").is_dir())

INTERRUPTED = 130
_TO_FILE = "instead of standard output"
DESCRIPTION = "Measures what a signal does to a thread in a blocking call. Start with: sigprobe run"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    try:
        with _streams(), _signals():
            asked = parser().parse_args(arguments)
            command: Callable[[argparse.Namespace], int] = asked.command
            return command(asked)
    except Fault as fault:
        _remark(str(fault))
        return fault.status
    except OSError as error:
        _remark(f"{error.filename or 'standard output'}: {error.strerror}")
        return 2
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0  # whoever read the output had seen enough


@contextlib.contextmanager
def _streams() -> Iterator[None]:
    """Let a reader of standard output go away without complaint, or never have been there."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - for good
        if isinstance(stream := getattr(sys, name), io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a locale without the character is no fault
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except OSError as error:
        _give_up(sys.stdout)
        if not isinstance(error, BrokenPipeError):
            raise


def _give_up(stream: TextIO) -> None:
    """Send what a stream still holds nowhere: the interpreter would complain at its end."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextlib.contextmanager
def _signals() -> Iterator[None]:
    """End by SIGTERM and SIGHUP as by ^C, and see children end, whatever was inherited."""
    wanted: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():  # only there may they be set
        ends = (signal.SIGTERM, signal.SIGHUP)
        # nohup(1) ignores SIGHUP, and a program that has its own handler knows why.
        plain = [number for number in ends if signal.getsignal(number) is signal.SIG_DFL]
        wanted = dict.fromkeys(plain, signal.default_int_handler)
        if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
            wanted[signal.SIGCHLD] = signal.SIG_DFL
    before = {number: signal.signal(number, handler) for number, handler in wanted.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Fault(f"{message} (see {self.prog} --help)")


def parser() -> argparse.ArgumentParser:
    """Return the parser; each subcommand's function is in `command`."""
    top = _Parser(prog="sigprobe", description=DESCRIPTION)
    top.add_argument("--version", action="version", version=f"sigprobe {version()}")
    commands = top.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)

    run = _command(commands, "run", run_cases, "measure cases on this machine")
    run.add_argument("patterns", nargs="*", metavar="PATTERN", help="shell globs over case ids")
    run.add_argument("--trials", type=_positive, default=1000, metavar="N", help="of each case")
    run.add_argument("--jobs", type=_positive, default=1, metavar="N", help="cases side by side")
    run.add_argument("--all", action="store_true", help="every case, not only the default ones")
    run.add_argument(
        "--host",
        action="append",
        dest="hosts",
        metavar="USER@MACHINE",
        help="by ssh, with its cc and no Python; repeatable (then -o is a folder)",
    )
    run.add_argument("--seed", type=_natural, default=1, metavar="N", help="default 1")
    run.add_argument(
        "-o", dest="output", type=Path, metavar="FILE", help="results file; one that exists goes on"
    )
    run.add_argument(
        "--format",
        choices=tuple(tables.FORMATS),
        default="table",
        help="of what is printed; json is a results file",
    )

    listing = _command(commands, "list", list_cases, "list cases and what keeps them from running")
    listing.add_argument("patterns", nargs="*", metavar="PATTERN", help="shell globs over case ids")
    listing.add_argument("--platform", metavar="P", help="another than this machine")
    listing.add_argument("--format", choices=("table", "json"), default="table")

    asked = _command(commands, "questions", show_questions, "the questions, and a file's answers")
    asked.add_argument("file", nargs="?", type=Path, metavar="FILE", help="a results file")
    asked.add_argument("--format", choices=("table", "json"), default="table")

    report = _command(commands, "report", report_files, "results of many machines side by side")
    report.add_argument("files", nargs="+", type=Path, metavar="FILE", help="or a folder of them")
    report.add_argument("--format", choices=tuple(tables.FORMATS), default="table")
    report.add_argument("-o", dest="output", type=Path, metavar="FILE", help=_TO_FILE)

    changes = _command(commands, "compare", compare_files, "what changed between two files")
    changes.add_argument("old", type=Path, metavar="OLD")
    changes.add_argument("new", type=Path, metavar="NEW")

    bundle = _command(commands, "evidence", write_evidence, "a bundle for a bug report")
    bundle.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="results files, or folders of them"
    )
    bundle.add_argument("case", metavar="CASE")
    bundle.add_argument("--on", metavar="PLATFORM", help="which, where several have the case")
    bundle.add_argument(
        "--trace", action="store_true", help="add the reproducer's system calls, traced here"
    )
    bundle.add_argument("-o", dest="output", type=Path, metavar="DIR", help="default evidence-CASE")

    explain = _command(commands, "explain", explain_case, "a case in a sentence")
    explain.add_argument("case", metavar="CASE")

    program = _command(commands, "repro", write_repro, "a straight-line C program for one case")
    program.add_argument("case", metavar="CASE")
    program.add_argument("-o", dest="output", type=Path, metavar="FILE.c", help=_TO_FILE)

    whole = _command(commands, "kit", make_kit, "the whole engine as one C file")
    whole.add_argument("-o", dest="output", type=Path, metavar="FILE.c", help=_TO_FILE)

    model = _command(commands, "predict", show_predictions, "kick by scenario as the model has it")
    model.add_argument("file", nargs="?", type=Path, metavar="FILE", help="a results file")
    model.add_argument("--platform", metavar="P", help="default: the file's, or this machine's")
    model.add_argument("--format", choices=("table", "json"), default="table")

    port = commands.add_parser("blockif", help="the reference port of the block layer")
    tools = port.add_subparsers(required=True, metavar="TOOL", parser_class=_Parser)
    speed = _command(tools, "bench", bench_blockif, "requests a second and cancel latency")
    speed.add_argument("--seconds", type=_seconds, default=0.5, help="for each measurement")
    speed.add_argument("--rounds", type=_positive, default=3, metavar="N")
    speed.add_argument("--trials", type=_positive, default=1000, metavar="N", help="of each cancel")
    speed.add_argument(
        "--depth", type=_positive, action="append", metavar="N", help="default 1 8 32"
    )
    speed.add_argument("--format", choices=("table", "json"), default="table")
    return top


def _command(
    commands: argparse._SubParsersAction[_Parser],
    name: str,
    function: Callable[[argparse.Namespace], int],
    help: str,
) -> _Parser:
    added = commands.add_parser(name, help=help, description=f"{help[0].upper()}{help[1:]}.")
    added.set_defaults(command=function)
    return added


def show_predictions(asked: argparse.Namespace) -> int:
    """Print what the model predicts for each kick, beside what a results file measured."""
    results = schema.load(asked.file) if asked.file else None
    if asked.platform:
        kernel = cases.check_platform(asked.platform)
    else:
        here = results.platform if results else machine.fingerprint(Engine.load(*ROOTS))
        kernel = predict.kernel_of(here)
    rows = predict.rows(kernel, results)
    if asked.format == "json":
        print(json.dumps({"platform": kernel, "rows": rows}, indent=1))
    else:
        print(tabulate(rows, headers="keys"))
        print("\nin brackets: predicted, not measured; without: measured, and as predicted")
    return int(any("but" in cell.split() for row in rows for cell in row.values()))


def bench_blockif(asked: argparse.Namespace) -> int:
    """Print how fast the block layer is, beside fio where it is installed."""
    depths = tuple(asked.depth or bench.DEPTHS)
    found = bench.report(asked.seconds, asked.rounds, asked.trials, depths)
    print(json.dumps(found, indent=1) if asked.format == "json" else bench.text(found))
    return 0


def version() -> str:
    """Return sigprobe's version, which the C header holds."""
    header = (ROOTS[0] / "c" / "sigprobe.h").read_text("utf-8")
    return header.split('#define SP_VERSION "')[1].split('"')[0]


def _positive(text: str) -> int:
    number = _natural(text)
    if number == 0:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds up to 3600")
    return number


def _natural(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) >= 2**63:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number below 2**63")
    return int(text)


def run_cases(asked: argparse.Namespace) -> int:
    """Measure cases; print the questions they answer and the table."""
    known = cases.universe(*ROOTS)
    every = known.ids if asked.all else known.default
    if asked.hosts:
        return _run_on_hosts(asked)
    ids = known.select(asked.patterns) if asked.patterns else list(every)
    plan = campaign.Campaign(ids, asked.trials, asked.seed, asked.output, ROOTS)
    with _executor(asked.jobs) as executor:
        results = plan.run(executor)
    _remark_outdated(plan.outdated)
    report = _matrix([results])
    _remark_stale(report)
    if asked.format != "json":
        sys.stdout.write(tables.render(report, asked.format))
    elif asked.output is None:
        sys.stdout.write(schema.dumps(results))
    return INTERRUPTED if plan.interrupted else int(report.failing > 0)


def _run_on_hosts(asked: argparse.Namespace) -> int:
    """Measure the same cases on other machines, and print them side by side."""
    cases.universe(*ROOTS).select(asked.patterns)
    if asked.format == "json" and len(set(asked.hosts)) > 1:
        raise Fault("--format json is one results file: several hosts need -o FOLDER instead")
    every = ["--all"] if asked.all else []
    numbers = ["--trials", str(asked.trials), "--seed", str(asked.seed)]
    words = ["run", *asked.patterns, *every, *numbers]
    found, faults = hosts.measure(asked.hosts, kit.text(ROOTS), words, asked.output)
    for fault in faults:
        _remark(str(fault))
    if asked.format == "json" and found and asked.output is None:
        sys.stdout.write(schema.dumps(found[0]))
    report = _matrix(found)
    if asked.format != "json" and found:
        sys.stdout.write(tables.render(report, asked.format))
    return max((fault.status for fault in faults), default=int(report.failing > 0))


@contextlib.contextmanager
def _executor(jobs: int) -> Iterator[Executor | None]:
    if jobs == 1:
        yield None
        return
    with campaign.pool(jobs) as executor:
        yield executor


def _remark(text: str) -> None:
    try:
        print(f"sigprobe: {text}", file=sys.stderr, flush=True)
    except OSError:
        _give_up(sys.stderr)


def _remark_outdated(ids: Sequence[str]) -> None:
    if ids:
        _remark(f"{len(ids)} cases of the file were measured anew: the engine has changed since")


def _remark_stale(report: matrix.Matrix) -> None:
    """Say which gates of this platform did not keep their cases from running, one case each."""
    cells = ((id, cell) for column in report.measured for id, cell in column.cells.items())
    stale = {cell.judgement.stale_gate: id for id, cell in cells if cell.judgement}
    for reason, id in stale.items():
        if reason:
            _remark(f"stale gate: {id} ran here, although: {reason}")


def _matrix(files: Iterable[schema.Results], predicted: Sequence[str] = ()) -> matrix.Matrix:
    """Put results beside the questions, expectations and gates."""
    asked = [
        matrix.Question(
            question.name,
            question.short,
            question.cases,
            question.aspect,
            partial(questions.answer, question),
        )
        for question in questions.load(*ROOTS)
    ]
    return matrix.build(files, asked, cases.universe(*ROOTS).gate, predicted)


def report_files(asked: argparse.Namespace) -> int:
    """Render results files, or folders of them, beside what is predicted for other platforms."""
    with _collector_off():
        report = _matrix([schema.load(file) for file in _json_files(asked.files)], PLATFORMS)
        # A page is passed on: it names no folder of a machine.
        report.places = tuple(f.name if f.is_absolute() else str(f) for f in asked.files)
        _put(tables.render(report, asked.format), asked.output)
    if report.failing:
        _remark(f"{report.failing:,} measured cells are not as expected: exit status 1")
    return int(report.failing > 0)


@contextlib.contextmanager
def _collector_off() -> Iterator[None]:
    """Spare a third of the time: of all that a report holds nothing is circular."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def compare_files(asked: argparse.Namespace) -> int:
    """Print what changed between two results files."""
    found = compare.compare(schema.load(asked.old), schema.load(asked.new))
    sys.stdout.write(found.text())
    return int(found.changed)


def write_evidence(asked: argparse.Namespace) -> int:
    """Write a bundle about one case of results files, and print where it is."""
    files = [schema.load(file) for file in _json_files(asked.files)]
    try:
        results = evidence.choose(files, asked.case, asked.on)
    except Fault as fault:
        raise Fault(f"{', '.join(map(str, asked.files))}: {fault}") from fault
    story = _story(asked.case)
    if asked.trace:
        story = evolve(story, trace=_trace(results, story.repro))
    folder = asked.output or Path(evidence.folder_name(asked.case, asked.on))
    for warning in evidence.write_bundle(results, asked.case, folder, story):
        _remark(warning)
    print(folder)
    return 0


def _story(id: str) -> evidence.Story:
    """Return what is known of a case, whose words another version may have and this one lack."""
    try:
        case = cases.universe(*ROOTS).case(id)
    except Fault as fault:
        return evidence.Story(lacking=str(fault))
    lacking = port_repro.lacking(case) if isinstance(case, cases.PortCase) else None
    return evidence.Story(
        sentence=sentence(case, *_purposes(case)),
        questions=tuple(q.short for q in questions.load(*ROOTS) if q.asks(id)),
        repro=None if lacking else _program(case),
        lacking=lacking or "",
    )


def _trace(results: schema.Results, program: str | None) -> str | None:
    """Return the trace of a reproducer; otherwise say in a line why there is none."""
    if program is None:
        _remark("no trace: there is no reproducer to trace")
        return None
    here = machine.fingerprint(Engine.load(*ROOTS)).id
    if results.platform.id != here:
        _remark(f"no trace: this machine is {here}, and the results are {results.platform.id}'s")
        return None
    try:
        return tracing.trace(program)
    except Fault as fault:
        _remark(f"no trace: {fault}")
        return None


def _json_files(places: Sequence[Path]) -> Iterator[Path]:
    for place in places:
        if not place.is_dir():
            yield place
            continue
        found = sorted(place.rglob("*.json"))
        if not found:
            raise Fault(f"{place}: no results files (*.json) in this folder")
        yield from found


def _put(text: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(text)
    else:
        schema.write_whole(output, text)


def list_cases(asked: argparse.Namespace) -> int:
    """List cases, with whether a platform supports them and why not."""
    known = cases.universe(*ROOTS)
    ids = known.select(asked.patterns) if asked.patterns else known.ids
    gate = _static_gate(asked.platform) if asked.platform else _machine_gate()
    gates = [(id, gate(id)) for id in ids]
    if asked.format == "json":
        rows = [{"id": id, "supported": why is None, "gate": why} for id, why in gates]
        print(json.dumps(rows, indent=1))
    else:
        table = [(id, "no" if why else "yes", why) for id, why in gates]
        print(tabulate(table, headers=("case", "supported", "gate")))
    return 0


def _static_gate(platform: str) -> Callable[[str], str | None]:
    name = cases.check_platform(platform)
    return lambda id: cases.universe(*ROOTS).gate(id, name)


def _machine_gate() -> Callable[[str], str | None]:
    engine = Engine.load(*ROOTS)

    def gate(id: str) -> str | None:
        status, reason = engine.check(id)
        return None if status is Status.MEASURED else reason

    return gate


def show_questions(asked: argparse.Namespace) -> int:
    """Print the questions and, for a results file, their answers."""
    results = schema.load(asked.file) if asked.file else None
    found = [
        (question, questions.answer(question, results) if results else None)
        for question in questions.load(*ROOTS)
    ]
    if asked.format == "json":
        rows = [
            {
                "name": question.name,
                "question": question.short,
                "text": question.text,
                "sources": question.sources,
                "cases": question.cases,
                "answer": answer,
            }
            for question, answer in found
        ]
        print(json.dumps(rows, indent=1))
        return 0
    for question, answer in found:
        print(f"{question.name}: {question.short}")
        print(f"    {(answer or 'not in this file') if results else question.text}")
        if not results:
            print("".join(f"    {source}\n" for source in question.sources), end="")
    return 0


def explain_case(asked: argparse.Namespace) -> int:
    """Print a case in a sentence, and what each platform is expected to do."""
    known = cases.universe(*ROOTS)
    case = known.case(asked.case)
    print(sentence(case, *_purposes(case)), end="\n\n")
    rows = [(name, *_expected(asked.case, name)) for name in PLATFORMS]
    columns = ("platform", "expected", "known", "source")
    print(tabulate(rows, columns, maxcolwidths=[None, None, None, 72]))
    return 0


def write_repro(asked: argparse.Namespace) -> int:
    """Print one case as a C program without the engine, or put it into a file."""
    _put(_program(cases.universe(*ROOTS).case(asked.case)), asked.output)
    return 0


def _program(case: cases.Case | cases.PortCase) -> str:
    return port_repro.program(case) if isinstance(case, cases.PortCase) else repro.program(case)


def make_kit(asked: argparse.Namespace) -> int:
    """Print the engine as one C file, or put it into one."""
    _put(kit.text(ROOTS), asked.output)
    return 0


def _purposes(case: cases.Case | cases.PortCase) -> tuple[str | None, str | None]:
    """Ask the engine what call and watcher are for; a machine without compiler does not know."""
    if isinstance(case, cases.PortCase):
        return None, None
    try:
        engine = Engine.load(*ROOTS)
    except Fault:
        return None, None
    return engine.purpose(Kind.CALL, case.call), engine.purpose(Kind.WATCHER, case.watcher)


def _expected(id: str, platform: str) -> tuple[str, str, str]:
    """Return the allowed outcomes and sightings, how well they are known, and their sources."""
    gate = cases.universe(*ROOTS).gate(id, platform) if platform in cases.PLATFORMS else None
    if gate:
        return "cannot be run", "", gate
    found = load_expectations(platform).expect(id)
    said = []
    if found.outcome:
        said.append((" or ".join(sorted(found.outcome.outcomes)), found.outcome))
    if found.sighting:
        said.append((f"watcher: {found.sighting.sightings}", found.sighting))
    return (
        "\n".join(words for words, _ in said) or "nobody has said",
        "\n".join(CONFIDENCES[entry.confidence] for _, entry in said),
        "\n".join(entry.source for _, entry in said),
    )


if __name__ == "__main__":
    sys.exit(main())
