# SPDX-License-Identifier: BSD-2-Clause
"""Many C files made into one: what may not be in two of them, and how that is told."""

from pathlib import Path

import pytest

from probes import build, kit
from reports.schema import Fault
from sigprobe import ROOTS

HIDDEN = "#ifdef __never__\nstatic int shared;\n#endif\n"


def write(folder: Path, *sources: str) -> list[Path]:
    paths = [folder / f"{number}.c" for number in range(len(sources))]
    for path, source in zip(paths, sources, strict=True):
        path.write_text(source)
    return paths


@pytest.mark.parametrize(
    "source",
    [
        "static int shared;",
        "static const char *shared[] = {0};",
        "static const struct { int a; } shared[2] = {{1}};",
        "static struct thing *shared(int a, void (*b)(int)) {\n    return 0;\n}",
        "static void (*shared)(int);",
        "static __attribute__((noreturn)) void shared(void);",
        "enum { other = 1, shared = 2 };",
        "enum kind { shared };",
        "typedef int shared;",
        "typedef int shared(void *, int);",
        "#define shared(a) ((a) + 1)",
        HIDDEN,
    ],
)
def test_a_name_in_two_files_is_refused_by_name_and_places(tmp_path: Path, source: str) -> None:
    paths = write(tmp_path, source, HIDDEN)
    with pytest.raises(Fault, match=r"^shared is a name in both .*0\.c and .*1\.c"):
        kit.check_names(paths)


def test_a_tag_in_two_files_is_refused(tmp_path: Path) -> None:
    paths = write(tmp_path, "struct shared { int a; };", "enum shared { one };")
    with pytest.raises(Fault, match="^struct shared is a name in both"):
        kit.check_names(paths)


@pytest.mark.parametrize(
    "source",
    [
        "struct shared { int a; };",
        "void shared(void);",
        "extern int shared;",
        "/* static int shared; */",
        '#include "shared.h"',
        'static const char own[] = "static int shared;";',
        "static int own(int a) {\n    static int shared;\n    struct shared *b = 0;\n"
        "    return a + shared;\n}",
        "struct own { int shared; };",
        "static const struct own table = {.shared = 1};",
        "static struct shared *own;",
        "#define _GNU_SOURCE",
    ],
)
def test_a_name_that_is_not_a_files_own_may_recur(tmp_path: Path, source: str) -> None:
    kit.check_names(write(tmp_path, source, HIDDEN, HIDDEN.replace("shared", "_GNU_SOURCE"))[:2])


def test_the_sources_keep_to_the_rule() -> None:
    kit.check_names(path for root in ROOTS for path in build.sources(root))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "c" / "kit").mkdir(parents=True)
    (root / "c" / "engine.h").write_text("#ifndef E\n#define E\n#include <stddef.h>\n#endif\n")
    (root / "c" / "sigprobe.h").write_text('#define SP_VERSION "9"\n')
    (root / "c" / "kit" / "main.c").write_text('#include "../engine.h"\nint main(void);\n')
    return root


def test_each_header_goes_in_once(root: Path) -> None:
    (root / "c" / "one.c").write_text('#include "engine.h"\n#include <string.h>\nint one;\n')
    text = kit.text([root])
    assert text.count("stddef.h") == 1
    assert text.index("stddef.h") < text.index("int one;") < text.index("int main(void);")
    assert '"' not in "".join(line for line in text.splitlines() if "#include" in line)


def test_an_unknown_header_is_refused(root: Path) -> None:
    (root / "c" / "one.c").write_text('#include "two.h"\n')
    with pytest.raises(Fault, match=r"one\.c: includes 'two\.h'"):
        kit.text([root])


def test_what_only_the_kit_has_is_not_in_the_library_nor_in_definitions(root: Path) -> None:
    before = build.hashes([root])
    (root / "c" / "kit" / "main.c").write_text("int changed;\n")
    assert build.hashes([root]) == before
    assert [path.name for path in build.sources(root)] == ["engine.h", "sigprobe.h"]
