# SPDX-License-Identifier: BSD-2-Clause
"""The C sources of some roots as one file, for machines without Python.

Every file keeps its text, less what one file needs only once: its licence line and the includes of
our own headers. The planes and the hashes of the sources go in as tables, so that the kit knows
the same cases and gives them the same definitions as the Python side.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from probes import build, cases
from reports.schema import Fault

HEADER = """\
/* SPDX-License-Identifier: BSD-2-Clause */
/* sigprobe VERSION, the kit: what does a signal do to a thread that is inside a system call?
 *
 * Is the call interrupted or restarted, is the signal lost or taken by another thread, does a third
 * thread see it through kqueue, signalfd or sigwait, and before or after the call returns? Kernels
 * differ, and manual pages are silent. This program measures it on the machine where it runs.
 *
 * Build it, with any C11 compiler of gcc's or clang's kind and nothing else:
 *
 *     cc -pthread sigprobe.c -o sigprobe
 *
 * (On illumos add -lsocket -lnsl.) Run it; it needs no privileges, takes some minutes, and keeps
 * everything it tries in child processes and in a private folder under /tmp that it removes:
 *
 *     ./sigprobe run -o results.json
 *
 * Send back results.json. It names the kernel, its version, the C library, the compiler and the
 * number of processors, and holds no name of a person, a host or a folder. It is a text file: have
 * a look. `./sigprobe --help` tells the rest.
 *
 * This file is generated from sigprobe's sources, where each part below is a file of its own. */
"""

_INCLUDE = re.compile(r'\s*#\s*include\s+"([^"]+)".*')
_CONDITION = re.compile(r"\s*#\s*(if|endif)")
_LICENCE = "/* SPDX-License-Identifier: BSD-2-Clause */"


def text(roots: Sequence[Path]) -> str:
    """Return the kit made from the C files under each root's c/ folder.

    Fault when two files use a name for different things, or an include cannot be resolved.
    """
    files = [path for root in roots for path in build.sources(root)]
    files += [path for root in roots for path in kit_sources(root)]
    check_names(files)
    hashes = build.hashes_header(roots) + "#define SP_HASHES\n"
    one = _OneFile(files, {"kit_planes.h": planes_header(roots), "sp_hashes.h": hashes})
    # The feature macros of engine.h have to come before any system header.
    headers = (path.name for path in files if path.suffix == ".h")
    for name in ("sp_hashes.h", "engine.h", *headers):
        one.include(name)
    for path in files:
        if path.suffix == ".c":
            one.add(path.name, path.read_text("utf-8"))
    return HEADER.replace("VERSION", _version(roots)) + "".join(one.parts)


def kit_sources(root: Path) -> list[Path]:
    """Return a root's C files that only the kit has."""
    return sorted((root / "c" / "kit").glob("*.[ch]"))


def planes_header(roots: Sequence[Path]) -> str:
    """Return kit_planes.h: the planes as a C table."""
    rows = "".join(_plane_row(plane) for plane in cases.universe(*roots).planes)
    return f"static const struct kit_plane kit_planes[] = {{\n{rows}}};\n"


def _plane_row(plane: cases.Plane) -> str:
    first = [] if plane.form is cases.Case else ["blockif"]
    words = [*first, *(" ".join(values) for values in plane.values)]
    columns = ",\n      ".join(f'"{word}"' for word in words)
    return f"    {{{'true' if plane.default else 'false'},\n     {{{columns}}}}},\n"


def _version(roots: Sequence[Path]) -> str:
    header = (roots[0] / "c" / "sigprobe.h").read_text("utf-8")
    return header.split('#define SP_VERSION "')[1].split('"')[0]


class _OneFile:
    """The kit in the making: each header goes in once, after those that it includes."""

    def __init__(self, files: Iterable[Path], made: dict[str, str]) -> None:
        self._headers = {path.name: path.read_text("utf-8") for path in files} | made
        self._done: set[str] = set()
        self.parts: list[str] = []

    def include(self, name: str) -> None:
        if name not in self._done:
            self._done.add(name)
            self.add(name, self._headers[name])

    def add(self, name: str, content: str) -> None:
        lines = [f"\n/* ==== {name} ==== */\n"]
        # A header stands between its own #ifndef and #endif.
        allowed = 1 if name.endswith(".h") and "#ifndef" in content else 0
        depth = 0
        for line in content.splitlines(keepends=True):
            condition = _CONDITION.match(line)
            if condition:
                depth += 1 if condition[1] == "if" else -1
            included = _INCLUDE.fullmatch(line.rstrip("\n"))
            if not included:
                lines += [] if line.startswith(_LICENCE) else [line]
                continue
            wanted = included[1].rpartition("/")[2]
            self._check_include(name, wanted, depth <= allowed)
            self.parts.append("".join(lines))
            lines = []
            self.include(wanted)
        self.parts.append("".join(lines))

    def _check_include(self, name: str, included: str, everywhere: bool) -> None:
        if included not in self._headers:
            raise Fault(f"{name}: includes {included!r}, which is not among the sources")
        if included not in self._done and not everywhere:
            raise Fault(f"{name}: includes {included!r} under a condition, which one file cannot")


# ---------------------------------------------------------------------- names

# Comments, strings and characters, or a preprocessor line with its continuations.
_NOISE = re.compile(
    r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|^[ \t]*#(?:\\\n|[^\n])*",
    re.DOTALL | re.MULTILINE,
)
_MACRO = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", re.MULTILINE)
_ATTRIBUTE = re.compile(r"__attribute__\s*\(\(.*?\)\)|_Alignas\s*\(.*?\)")
_TAG = re.compile(r"\b(?:struct|union|enum)\s+(\w+)\s*\{")
_CONSTANTS = re.compile(r"\benum\b[^;{}()]*\{([^}]*)\}")
_BODY = re.compile(r"\{[^{}]*\}")
_STATIC = re.compile(r"\bstatic\b[^;=]*?(\w+)[\s)]*(?:\[[^;=]*)?(?=[;=]|\((?!\s*\*))")
_TYPEDEF = re.compile(r"\btypedef\b[^;]*?(\w+)\s*(?:\([^;]*\))?\s*;")


def check_names(files: Iterable[Path]) -> None:
    """Raise Fault when two files give a file-scope name of their own the same spelling.

    Each may be built alone, so no compiler sees it. It looks at every branch of every condition.
    """
    owners: dict[str, Path] = {}
    for path in files:
        for name in sorted(file_scope_names(path.read_text("utf-8"))):
            owner = owners.setdefault(name, path)
            if owner != path:
                where = f"{owner.parent.name}/{owner.name} and {path.parent.name}/{path.name}"
                raise Fault(f"{name} is a name in both {where}: the kit puts all into one file")


def file_scope_names(source: str) -> set[str]:
    """Return the macros, constants, types and static names that C source has at file scope.

    Tags, which have a name space of their own, come with "struct" before them. The macros that say
    which interfaces the system is to show may be in several files.
    """
    macros = {name for name in _MACRO.findall(source) if not name.startswith("_")}
    outer = _ATTRIBUTE.sub(" ", _outermost(_NOISE.sub(_blank, source)))
    tags = {f"struct {name}" for name in _TAG.findall(outer)}
    constants = {
        word.split("=")[0].strip() for body in _CONSTANTS.findall(outer) for word in body.split(",")
    }
    plain = _BODY.sub(" ", outer)
    names = set(_STATIC.findall(plain)) | set(_TYPEDEF.findall(plain))
    return macros | tags | (constants - {""}) | names


def _blank(noise: re.Match[str]) -> str:
    return '""' if noise[0][0] in "\"'" else " "


def _outermost(source: str) -> str:
    """Return the text with what is in braces left out, an enum's constants excepted."""
    return "".join(_outer_pieces(source))


def _outer_pieces(source: str) -> Iterator[str]:
    depth = 0
    kept = ""
    for piece in re.split(r"([{}])", source):
        if piece == "{":
            depth += 1
            listing = depth == 1 and re.search(r"\benum\b[^;{}()]*$", kept)
            yield piece if depth == 1 else ""
        elif piece == "}":
            depth -= 1
            yield piece if depth == 0 else ""
        elif depth == 0 or (depth == 1 and listing):
            kept = piece
            yield piece
