# SPDX-License-Identifier: BSD-2-Clause
"""An archive holds what was put in, at the places where the kernel looks for it."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from kernels.initramfs import Entry, archive

NAMES = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=30)
ENTRIES = st.builds(Entry, NAMES, st.integers(0, 0o177777), st.binary(max_size=50))


def read_newc(content: bytes) -> Iterator[Entry]:
    """Read as the kernel's init/initramfs.c does: header, name, body, each from a multiple of 4."""
    at = 0
    while True:
        assert at % 4 == 0 and content[at : at + 6] == b"070701"
        f = [int(content[i : i + 8], 16) for i in range(at + 6, at + 110, 8)]
        name = content[at + 110 : at + 110 + f[11]]
        at += (110 + f[11] + 3) // 4 * 4
        if name == b"TRAILER!!!\0":
            return
        assert name.endswith(b"\0")
        yield Entry(name[:-1].decode(), f[1], content[at : at + f[6]], (f[9], f[10]))
        at += (f[6] + 3) // 4 * 4


@given(st.lists(ENTRIES))
def test_what_goes_in_comes_out(entries: list[Entry]) -> None:
    assert list(read_newc(archive(entries))) == entries


def test_a_device_node_keeps_its_numbers() -> None:
    console = Entry("dev/console", 0o20600, device=(5, 1))
    assert list(read_newc(archive([console]))) == [console]
