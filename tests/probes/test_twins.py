# SPDX-License-Identifier: BSD-2-Clause
"""Every ctypes structure, constant and function of probes/engine.py against the C compiler's."""

import ctypes
import subprocess
from collections.abc import Iterator

import pytest

from probes import build, cases, engine

STRUCTURES = {
    "sp_request": engine.Request,
    "sp_result": engine.Result,
    "sp_machine": engine.Machine,
}
CONSTANTS = {
    "SP_ID_SIZE": engine.ID_SIZE,
    "SP_TEXT_SIZE": engine.TEXT_SIZE,
    "SP_BUCKETS": engine.BUCKETS,
    "SP_STEPS": engine.STEPS,
    "SP_OUTCOMES": engine.OUTCOMES,
    "SP_SIGHTINGS": engine.SIGHTINGS,
    "SP_RUNNERS": engine.RUNNERS,
    "SP_KINDS": len(engine.Kind),
    **{f"SP_KIND_{kind.name}": int(kind) for kind in engine.Kind},
    **{f"SP_{status.name}": int(status) for status in engine.Status},
}


def facts() -> Iterator[tuple[str, int]]:
    """Yield a C expression and what Python takes its value for."""
    yield from CONSTANTS.items()
    for name, twin in STRUCTURES.items():
        yield f"sizeof(struct {name})", ctypes.sizeof(twin)
        for field, *_ in twin._fields_:
            place = getattr(twin, field)
            yield f"offsetof(struct {name}, {field})", place.offset
            yield f"sizeof(((struct {name} *)0)->{field})", place.size


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> list[int]:
    folder = tmp_path_factory.mktemp("twins")
    prints = "".join(f'    printf("%zu\\n", (size_t)({fact}));\n' for fact, _ in facts())
    source = folder / "twins.c"
    source.write_text(f'#include <stdio.h>\n#include "sigprobe.h"\nint main(void) {{\n{prints}}}\n')
    tools = build.toolchain()
    program = folder / "twins"
    include = f"-I{cases.PROBES / 'c'}"
    subprocess.run([*tools.command, include, str(source), "-o", str(program)], check=True)
    printed = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    return [int(line) for line in printed.split()]


def test_structures_and_constants(compiled: list[int]) -> None:
    wrong = {
        fact: (ours, theirs)
        for (fact, ours), theirs in zip(facts(), compiled, strict=True)
        if ours != theirs
    }
    assert not wrong


def test_no_member_is_left_out() -> None:
    """The members of each structure in the header, by name and order."""
    header = (cases.PROBES / "c" / "sigprobe.h").read_text()
    for name, twin in STRUCTURES.items():
        body = header.split(f"struct {name} {{")[1].split("};")[0]
        lines = (line.split("/*")[0].strip() for line in body.splitlines())
        members = [line.split("[")[0].rstrip(";").split()[-1] for line in lines if ";" in line]
        assert members == [field for field, *_ in twin._fields_]


def test_every_function_of_the_header_has_a_prototype() -> None:
    import re

    header = (cases.PROBES / "c" / "sigprobe.h").read_text()
    declared = re.findall(r"^[a-z].*?\b(sp_\w+)\(", header, re.MULTILINE)
    assert sorted(declared) == sorted(engine.PROTOTYPES)


def test_latency_buckets_are_those_of_the_schema() -> None:
    from reports import schema

    loaded = ctypes.CDLL(str(build.library((cases.PROBES,))))
    loaded.sp_bucket_floor.restype = ctypes.c_uint64
    for number in range(engine.BUCKETS):
        floor = loaded.sp_bucket_floor(number)
        assert schema.bucket(floor) == floor
