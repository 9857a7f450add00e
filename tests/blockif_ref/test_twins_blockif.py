# SPDX-License-Identifier: BSD-2-Clause
"""The ctypes twins in blockif_ref/door.py against what the C compiler says of the headers."""

import ctypes
import subprocess
from pathlib import Path

from blockif_ref import door
from probes import build

TWINS = {
    "blockif_options": door.Options,
    "blockif_about": door.About,
    "bench_job": door.Job,
    "bench_load": door.Load,
}
PACKED = {
    "basket_order": (door.ORDER, ["operation", "slot", "memory", "offset", "length"]),
    "basket_answer": (door.ANSWER, ["slot", "error", "residual"]),
}


def ask(tmp_path: Path, lines: list[str]) -> list[int]:
    program = tmp_path / "ask.c"
    program.write_text(
        '#include "bench.h"\n#include "basket.h"\n#include <stddef.h>\n#include <stdio.h>\n'
        + "int main(void) {\n"
        + "\n".join(f'printf("%zu\\n", {line});' for line in lines)
        + "}\n"
    )
    tools = build.toolchain()
    include = [f"-I{root / 'c'}" for root in door.ROOTS]
    subprocess.run(
        [*tools.command, "-std=c11", *include, str(program), "-o", str(tmp_path / "ask")],
        check=True,
    )
    return [int(n) for n in subprocess.check_output([str(tmp_path / "ask")]).split()]


def test_structures_are_the_same_on_both_sides(tmp_path: Path) -> None:
    questions, expected = [], []
    for name, twin in TWINS.items():
        questions.append(f"sizeof(struct {name})")
        expected.append(ctypes.sizeof(twin))
        for field, *_ in twin._fields_:
            questions.append(f"offsetof(struct {name}, {field})")
            expected.append(getattr(twin, field).offset)
    assert ask(tmp_path, questions) == expected


def test_packed_orders_and_answers_are_the_same_on_both_sides(tmp_path: Path) -> None:
    for name, (packing, fields) in PACKED.items():
        offsets = ask(tmp_path, [f"offsetof(struct {name}, {field})" for field in fields])
        assert ask(tmp_path, [f"sizeof(struct {name})"]) == [packing.size]
        value = packing.pack(*range(1, len(fields) + 1))
        assert [value[offset] for offset in offsets] == list(range(1, len(fields) + 1))
