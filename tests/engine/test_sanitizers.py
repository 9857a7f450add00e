# SPDX-License-Identifier: BSD-2-Clause
"""The engine under the thread, address and undefined behaviour sanitizers: no report."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from engine_tools import TOP

from probes import build, kit
from reports import schema
from sigprobe import ROOTS

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="sanitizers as gcc and clang have them on Linux"
)

REPORT = re.compile(r"Sanitizer|runtime error")
OPTIONS = {
    "ASAN_OPTIONS": "exitcode=66",
    # It would die in the child that a threaded process forks and that starts threads.
    "TSAN_OPTIONS": "exitcode=66:die_after_fork=0",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    # The kit's command line keeps its texts until it exits; the engine may keep nothing.
    "LSAN_OPTIONS": f"suppressions={Path(__file__).parent / 'lsan.supp'}",
}

# Every way through the engine: timings, masks, watchers, helpers, files, deaths, stops. The thread
# sanitizer is wrong about two: the FUSE device, whose server has a table of descriptors of its own
# (a race, it says), and pthread_mutex_lock, whose leader holds both mutexes (a deadlock).
EVERYWHERE = [
    "read-pipe/SIGUSR1/*/open/pthread_kill/none/*",
    "read-pipe/SIGUSR1/*/open-all/kill/none/asleep",
    "read-pipe/SIGUSR1/handler/blocked/kill/*/asleep",
    "read-pipe/SIGTSTP/default/open/pthread_kill/none/asleep",
    "nanosleep/SIGCONT/*/open/pthread_kill/none/*",
    "open-fifo/SIGUSR1/*/open/pthread_kill/none/asleep",
    "waitpid/SIGUSR1/*/open/pthread_kill/none/asleep",
    "sigwait/SIGUSR1/handler/blocked/*/none/asleep",
    "flock/SIGUSR1/ignore/open/pthread_kill/none/asleep",
    "blockif/handler-usr1/read/stalled/*",
    "blockif/wait/read/stalled/*",
    "blockif/wait/*/file/before",
]


@pytest.fixture(scope="module", params=["thread", "address,undefined"])
def sanitizer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Each sanitizer that the compiler has and the kernel's address layout lets run."""
    name = str(request.param)
    folder = tmp_path_factory.mktemp("try")
    done = build_one("int main(void) { return 0; }", name, folder)
    if done.returncode == 0:
        done = run(folder / "program")
    if done.returncode:
        pytest.skip(f"no -fsanitize={name} here: {done.stderr.strip()[-200:]}")
    return name


def build_one(source: str, sanitizer: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Build one C file into folder/program."""
    file = folder / "source.c"
    file.write_text(source, "utf-8")
    tools = build.toolchain()
    flags = ["-std=c11", "-g", "-O1", "-pthread", f"-fsanitize={sanitizer}", *tools.flags]
    command = [*tools.command, *flags, str(file), "-o", str(folder / "program"), *tools.libraries]
    return subprocess.run(command, capture_output=True, text=True)


def compiled(source: str, sanitizer: str, folder: Path) -> Path:
    done = build_one(source, sanitizer, folder)
    assert done.returncode == 0, done.stderr[:3000]
    return folder / "program"


def run(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, *arguments],
        env={**os.environ, **OPTIONS},
        cwd=TOP,
        capture_output=True,
        text=True,
    )


FAULTS = {
    "thread": """
        #include <pthread.h>
        static int shared;
        static void *add(void *unused) { shared++; return unused; }
        int main(void) {
            pthread_t one;
            if (pthread_create(&one, NULL, add, NULL) != 0) return 1;
            shared++;
            return pthread_join(one, NULL);
        }
    """,
    "address,undefined": """
        #include <stdlib.h>
        int main(int count, char **arguments) {
            volatile char *bytes = malloc((size_t)count);
            bytes[count] = (char)arguments[0][0];
            count = bytes[0];
            free((void *)bytes);
            return count;
        }
    """,
}


def test_a_planted_fault_is_reported(sanitizer: str, tmp_path: Path) -> None:
    done = run(compiled(FAULTS[sanitizer], sanitizer, tmp_path))
    assert REPORT.search(done.stderr)
    assert done.returncode == 66


def test_the_engine_gives_no_report(sanitizer: str, tmp_path: Path) -> None:
    program = compiled(kit.text(ROOTS), sanitizer, tmp_path)
    done = run(program, "run", *EVERYWHERE, "--trials", "10")
    assert not REPORT.search(done.stderr), done.stderr[:3000]
    assert done.returncode < 2, done.stderr
    records = schema.loads(done.stdout.encode(), "the kit's output").cases
    measured = [record for record in records if record.status == "measured"]
    assert len(measured) > len(EVERYWHERE)
    assert not [record.reason for record in records if record.status == "error"]
