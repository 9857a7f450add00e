# SPDX-License-Identifier: BSD-2-Clause
"""The habits of the house: licence lines, doors between rooms, links, nothing private."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[1]
LICENSED = {".py", ".c", ".h", ".toml", ".sh", ".yml", ".ini", ".css", ".js", ".pml"}
# Room -> what of the other rooms it may import.
DOORS = {
    "reports": set[str](),
    "probes": {"reports.schema"},
    "blockif_ref": {"probes", "reports"},
}
ROOMS = ("probes", "blockif_ref", "reports", "kernels", "sigprobe", "conftest")


def tracked() -> list[Path]:
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=TOP, capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return []
    return [TOP / name for name in listed.split("\0") if name and (TOP / name).is_file()]


FILES = tracked()
pytestmark = pytest.mark.skipif(not FILES, reason="not a git checkout")


def imports(path: Path) -> set[str]:
    """Return the dotted names that a module imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def trespasses(room: str, path: Path) -> set[str]:
    """Return the imports of a module that go through no door of its room."""
    others = {name for name in imports(path) if name.split(".")[0] in set(ROOMS) - {room}}
    return {
        name
        for name in others
        if not any(name == door or name.startswith(f"{door}.") for door in DOORS[room])
    }


def test_every_source_begins_with_its_licence() -> None:
    missing = [
        str(path.relative_to(TOP))
        for path in FILES
        if path.suffix in LICENSED
        and path.name != "pyproject.toml"
        and "SPDX-License-Identifier: BSD-2-Clause"
        not in "\n".join(path.read_text("utf-8").splitlines()[:2])
    ]
    assert not missing


@pytest.mark.parametrize("room", DOORS)
def test_rooms_use_their_doors_and_no_others(room: str) -> None:
    modules = [path for path in FILES if path.is_relative_to(TOP / room) and path.suffix == ".py"]
    assert modules
    found = {path.name: trespasses(room, path) for path in modules}
    assert not {name: wrong for name, wrong in found.items() if wrong}


def test_a_wrong_door_is_noticed(tmp_path: Path) -> None:
    module = tmp_path / "wrong.py"
    module.write_text("from reports import tables\nfrom reports.schema import Fault\n")
    assert trespasses("probes", module) == {"reports.tables"}


def test_links_within_the_documentation_lead_somewhere() -> None:
    broken = [
        f"{path.relative_to(TOP)}: {target}"
        for path in FILES
        if path.suffix == ".md"
        for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text("utf-8"))
        if not re.match(r"[a-z]+:|#", target) and not (path.parent / target.split("#")[0]).exists()
    ]
    assert not broken


def test_no_machine_is_named() -> None:
    private = re.compile("index-url|simple/|/(?:home|Users|root|work)/[a-z]")
    telling = [
        f"{path.relative_to(TOP)}: {found.group()}"
        for path in FILES
        if path.suffix in LICENSED | {".md", ".json", ""} and path != Path(__file__)
        for found in [private.search(path.read_text("utf-8", errors="replace"))]
        if found
    ]
    assert not telling
