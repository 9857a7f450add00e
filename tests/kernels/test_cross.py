# SPDX-License-Identifier: BSD-2-Clause
"""The cross builds build what builds, and say what does not and where."""

import importlib.util
import shutil
from pathlib import Path

import pytest

from kernels import cross
from kernels.build import CC

CLAIM = """
#include <pthread.h>
#ifdef __OpenBSD__
{}
#endif
int main(void) {{ return 0; }}
"""


@pytest.fixture
def zig() -> None:
    if not importlib.util.find_spec("ziglang"):
        pytest.skip("no ziglang (pip install ziglang)")


def kit(folder: Path, text: str) -> str:
    path = folder / "kit.c"
    path.write_text(CLAIM.format(text))
    return str(path)


@pytest.mark.usefixtures("zig")
def test_all_targets_asked_for_are_built(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["x86_64-openbsd", "*-freebsd.14.0"]
    assert cross.main([*names, "--kit", kit(tmp_path, "")]) == 0
    assert capsys.readouterr().out.count("builds") == 3


@pytest.mark.usefixtures("zig")
@pytest.mark.parametrize("claim", ["#include <sys/no.h>", "static int unused;", "int f(void);;"])
def test_a_claim_that_does_not_build_fails_there_and_nowhere_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], claim: str
) -> None:
    names = ["x86_64-openbsd", "x86_64-freebsd.14.0"]
    assert cross.main([*names, "--kit", kit(tmp_path, claim)]) == 1
    told = capsys.readouterr().out
    assert "kit.c does not build for x86_64-openbsd: " in told
    assert told.count("builds") == 1


def test_nothing_chosen_is_wrong_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("kernels.build.ZIG", CC)
    if not shutil.which("cc"):
        pytest.skip("no cc")
    assert cross.main(["vms", "--kit", kit(tmp_path, "")]) == 2
    assert "no target matches vms; they are x86_64-linux-gnu, " in capsys.readouterr().err
