# SPDX-License-Identifier: BSD-2-Clause
"""What a serial line does to an answer is noticed, and what it leaves alone is read back."""

import base64
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels import frames
from kernels.cage import Ended
from reports.schema import Fault


def framed(name: str, content: bytes) -> bytes:
    text = base64.encodebytes(content)
    head = f"sigprobe-frame {name} {len(content)} {zlib.crc32(content):08x}\n"
    return head.encode() + text + f"sigprobe-end {name}\n".encode()


def line(out: bytes, err: bytes, tail: str = "sigprobe-exit 0\n") -> bytes:
    return framed("stdout", out) + framed("stderr", err) + tail.encode()


@given(st.binary(max_size=300), st.binary(max_size=80), st.integers(0, 255), st.booleans())
def test_an_answer_is_read_back(out: bytes, err: bytes, status: int, overran: bool) -> None:
    tail = f"sigprobe-exit {status}{' overran' if overran else ''}\n"
    assert frames.read(line(out, err, tail), b"") == Ended(out, err, status, overran)


def test_carriage_returns_and_noise_around_the_frames_do_not_matter() -> None:
    noisy = b"[ 1.2] tsc: fast\n" + line(b"out\r\n\0", b"").replace(b"\n", b"\r\n")
    assert frames.read(noisy, b"").stdout == b"out\r\n\0"


@given(st.binary(min_size=1, max_size=120), st.data())
def test_a_byte_lost_or_changed_never_passes_for_another_answer(
    out: bytes, data: st.DataObject
) -> None:
    whole = line(out, b"e")
    place = data.draw(st.integers(0, len(whole) - 1))
    instead = data.draw(st.binary(max_size=1))
    try:
        ended = frames.read(whole[:place] + instead + whole[place + 1 :], b"")
    except Fault as fault:
        assert fault.status == 3
    else:
        assert (ended.stdout, ended.stderr) == (out, b"e")


def test_two_changed_bytes_of_the_same_length_are_named() -> None:
    damaged = line(b"abcdef", b"").replace(b"YWJj", b"YWJk")
    with pytest.raises(Fault, match="stdout was damaged on the serial line"):
        frames.read(damaged, b"")


def test_a_panic_is_the_reason() -> None:
    console = b"a\n[ 2.0] Kernel panic - not syncing: no init\n[ 2.1] more\n"
    with pytest.raises(Fault, match="no answer.*Kernel panic - not syncing: no init"):
        frames.read(b"", console)


def test_an_answer_that_was_cut_short_is_no_answer() -> None:
    whole = line(b"x" * 100, b"")
    with pytest.raises(Fault, match="incomplete or damaged answer"):
        frames.read(whole[: len(whole) // 2], b"")


def test_the_init_tells_what_it_could_not_do() -> None:
    with pytest.raises(Fault, match="could not go on: fork: no memory"):
        frames.read(b"sigprobe-fail fork: no memory\n", b"")
