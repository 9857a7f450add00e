# SPDX-License-Identifier: BSD-2-Clause
"""A storm of requests and cancels under the thread and address sanitizers.

SIGPROBE_STORM is the number of requests, spread over kicks and backends: 100,000 where it is not
set, a million in a nightly run.
"""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from blockif_ref import door
from probes import build
from probes.engine import Engine, Kind

REQUESTS = int(os.environ.get("SIGPROBE_STORM", "100000"))
HERE = Path(__file__).parent
SANITIZERS = {"thread": "thread", "address": "address,undefined"}


def sources() -> list[Path]:
    """All C files but the kit's own main."""
    found = (path for root in door.ROOTS for path in (root / "c").rglob("*.c"))
    return [path for path in found if path.parent.name != "kit"]


@pytest.fixture(scope="module", params=sorted(SANITIZERS))
def storm(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("storm")
    (folder / "sp_hashes.h").write_text(build.hashes_header(door.ROOTS), "utf-8")
    tools = build.toolchain()
    include = [f"-I{path}" for path in (folder, *(root / "c" for root in door.ROOTS))]
    flags = ["-std=c11", "-O1", "-g", "-pthread", f"-fsanitize={SANITIZERS[request.param]}"]
    files = [str(path) for path in [HERE / "storm.c", *sources()]]
    command = [*tools.command, *flags, *include, *files, "-o", str(folder / "storm")]
    built = subprocess.run([*command, *tools.libraries], capture_output=True, text=True)
    if built.returncode and "sanitize" in built.stderr:
        pytest.skip(f"the compiler has no {request.param} sanitizer")
    assert built.returncode == 0, built.stderr
    return folder / "storm"


def run(storm: Path, *arguments: Any) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([str(storm), *map(str, arguments)], capture_output=True, text=True)
    if "unexpected memory mapping" in done.stderr:
        pytest.skip("the sanitizer cannot live with this kernel's address space layout")
    return done


@pytest.mark.parametrize("kick", ["wait", "handler-retry", "gate", "io-uring"])
@pytest.mark.parametrize("backend", ["stalled", "file"])
def test_storm_is_clean(storm: Path, kick: str, backend: str, tmp_path: Path) -> None:
    if kick == "io-uring" and kick not in available():
        pytest.skip("no io_uring here")
    image = tmp_path / "disk"
    image.write_bytes(bytes(1 << 20))
    done = run(storm, REQUESTS // 8, kick, *([image] if backend == "file" else []))
    assert (done.returncode, done.stdout, done.stderr) == (0, "storm: all is well\n", "")


def available() -> list[str]:
    engine = Engine.load(*door.ROOTS)
    kicks = engine.names(Kind.KICK)
    return [k for k in kicks if engine.check(f"blockif/{k}/read/stalled/finished")[0] == 0]
