# SPDX-License-Identifier: BSD-2-Clause
"""C sources into one shared library, kept by content, compiler and flags.

The library is built in a private folder and moved into place whole, so that two builders cannot
spoil each other's; a library in the cache is never changed, only added.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import importlib.util
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from attrs import frozen

from reports.schema import Fault

COMPILE = ("-std=c11", "-O2", "-fPIC", "-pthread", "-Wall", "-Wextra")
LINK = ("-shared", "-pthread")

# Clocks and queues are in libraries of their own on some systems.
SYSTEM_LIBRARIES = {
    "Linux": ("-lrt",),
    "FreeBSD": ("-lrt",),
    "NetBSD": ("-lrt",),
    "DragonFly": ("-lrt",),
    "SunOS": ("-lrt", "-lsocket", "-lnsl"),
}
REMEDIES = {
    "Linux": "apt install gcc (or your distribution's), or pip install ziglang",
    "FreeBSD": "pkg install llvm",
    "Darwin": "xcode-select --install, or pip install ziglang",
    "OpenBSD": "install the comp set",
    "NetBSD": "install the comp set",
    "DragonFly": "pkg install gcc",
    "SunOS": "pkg install gcc",
}

# What each file in these folders does is hashed by itself, so that a change in one call leaves the
# records of the others comparable.
PARTS = {"calls": "call", "watchers": "watcher", "kicks": "kick"}


@frozen
class Toolchain:
    """A compiler with what tells it from others, and the flags for this machine."""

    command: tuple[str, ...]
    version: str
    flags: tuple[str, ...]
    libraries: tuple[str, ...]

    def compile(self, source: Path, target: Path, *include: Path) -> None:
        """Compile one file into an object; Fault names the first error."""
        paths = [f"-I{path}" for path in include]
        self._run(*COMPILE, *self.flags, *paths, "-c", str(source), "-o", str(target))

    def link(self, objects: Sequence[Path], target: Path) -> None:
        """Link objects into a shared library; Fault names the first error."""
        self._run(*LINK, *self.flags, *map(str, objects), "-o", str(target), *self.libraries)

    def _run(self, *arguments: str) -> None:
        command = [*self.command, *arguments]
        plain = {**os.environ, "LC_ALL": "C"}
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", env=plain)
        if done.returncode:
            raise Fault(f"the engine does not build: {_first_error(done.stderr)}", 3)


def library(roots: Sequence[Path]) -> Path:
    """Return the shared library made from the C files under each root's c/ folder.

    It is built when the cache does not hold it. Fault (3) when there is no compiler or the
    sources do not build.
    """
    tools = toolchain()
    key = hashlib.sha256(repr((tools, _contents(roots))).encode()).hexdigest()[:16]
    folder = cache()
    target = folder / f"engine-{key}.so"
    if not target.exists():
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            _build(tools, roots, Path(scratch)).replace(target)
    return target


def _build(tools: Toolchain, roots: Sequence[Path], scratch: Path) -> Path:
    (scratch / "sp_hashes.h").write_text(hashes_header(roots), "utf-8")
    include = [scratch, *(root / "c" for root in roots)]
    files = [path for root in roots for path in sources(root) if path.suffix == ".c"]
    objects = [scratch / f"{number}.o" for number in range(len(files))]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda file, target: tools.compile(file, target, *include), files, objects))
    built = scratch / "engine.so"
    tools.link(objects, built)
    return built


def sources(root: Path) -> list[Path]:
    """Return a root's C files and headers, in an order that does not depend on the machine.

    Those that only the kit has (c/kit) are not among them: they measure nothing.
    """
    files = (root / "c").rglob("*.[ch]")
    found = (path for path in files if path.is_file() and path.parent != root / "c" / "kit")
    return sorted(found, key=lambda path: path.relative_to(root).as_posix())


def hashes(roots: Sequence[Path]) -> dict[str, str]:
    """Return name -> 16 hexadecimal digits that stand for the content of part of the sources.

    "call/read-pipe" and the like are single files; "core" is the rest of the first root, and
    the rest of any other root goes by its folder's name.
    """
    parts: dict[str, str] = {}
    for number, root in enumerate(roots):
        rest = hashlib.sha256()
        for path in sources(root):
            content = path.read_bytes()
            if path.parent.name in PARTS and path.suffix == ".c":
                parts[f"{PARTS[path.parent.name]}/{path.stem}"] = _digest(content)
            else:
                rest.update(f"{path.relative_to(root).as_posix()} {len(content)}\n".encode())
                rest.update(content)
        parts[root.name if number else "core"] = rest.hexdigest()[:16]
    return dict(sorted(parts.items()))


def hashes_header(roots: Sequence[Path]) -> str:
    """Return sp_hashes.h: the same table for C."""
    rows = "".join(f'    {{"{name}", "{hash}"}},\n' for name, hash in hashes(roots).items())
    return (
        "/* SPDX-License-Identifier: BSD-2-Clause */\n"
        "/* Generated: what each part of the sources hashes to. */\n"
        "static const struct {\n    const char *name;\n    const char *hash;\n"
        f"}} sp_hashes[] = {{\n{rows}}};\n"
    )


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _contents(roots: Sequence[Path]) -> list[tuple[str, str]]:
    return [
        (path.relative_to(root).as_posix(), _digest(path.read_bytes()))
        for root in roots
        for path in sources(root)
    ]


@functools.cache
def toolchain() -> Toolchain:
    """Return the first compiler found; Fault (3) with the remedy when there is none."""
    command, version = _compiler()
    system = platform.system()
    flags = shlex.split(os.environ.get("CFLAGS", ""))
    libraries = [*SYSTEM_LIBRARIES.get(system, ()), *shlex.split(os.environ.get("LDFLAGS", ""))]
    if system == "Linux" and _pkg_config("--exists") is not None:
        flags += ["-DSP_LIBKQUEUE", *shlex.split(_pkg_config("--cflags") or "")]
        libraries += shlex.split(_pkg_config("--libs") or "")
    return Toolchain(command, version, tuple(flags), tuple(libraries))


def _compiler() -> tuple[tuple[str, ...], str]:
    for command in _candidates():
        try:
            asked = subprocess.run([*command, "--version"], capture_output=True, text=True)
        except OSError:
            continue
        if asked.returncode == 0:
            return (shutil.which(command[0]) or command[0], *command[1:]), asked.stdout
    remedy = REMEDIES.get(platform.system(), "pip install ziglang")
    raise Fault(f"no C compiler found ($CC, cc, clang, gcc, python -m ziglang cc): {remedy}", 3)


def _candidates() -> Iterator[tuple[str, ...]]:
    if os.environ.get("CC"):
        yield tuple(shlex.split(os.environ["CC"]))
    yield from (("cc",), ("clang",), ("gcc",))
    if importlib.util.find_spec("ziglang"):
        yield sys.executable, "-m", "ziglang", "cc"


def _pkg_config(question: str) -> str | None:
    """Return what pkg-config answers about libkqueue, None when it knows none."""
    if not shutil.which("pkg-config"):
        return None
    asked = subprocess.run(["pkg-config", question, "libkqueue"], capture_output=True, text=True)
    return asked.stdout if asked.returncode == 0 else None


@functools.cache
def cache() -> Path:
    """Return the folder for libraries: the user's cache, else a private one for this process."""
    try:
        folder = _user_cache() / "sigprobe"
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except (OSError, RuntimeError):
        folder = Path(tempfile.mkdtemp(prefix="sigprobe-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _user_cache() -> Path:
    if os.environ.get("XDG_CACHE_HOME"):
        return Path(os.environ["XDG_CACHE_HOME"])
    if platform.system() == "Darwin":
        return Path.home() / "Library" / "Caches"
    return Path.home() / ".cache"


def _first_error(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    faults = [line for line in lines if re.search(r"\berror:|\bundefined (reference|symbol)", line)]
    return (faults or lines or ["the compiler said nothing"])[0]
