# SPDX-License-Identifier: BSD-2-Clause
"""What a disk refuses: images, options, requests; each a clear error, and nothing is lost."""

import array
import contextlib
import errno
import mmap
import os
import subprocess
import sys
from pathlib import Path

import pytest
from disk_tools import refused

import blockif_ref
from blockif_ref import Delete, Flush, Read, Write

BLOCK = 4096


def test_images_that_cannot_be_opened_say_why(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    os.mkfifo(tmp_path / "fifo")
    text = refused(errno.ENOENT, blockif_ref.open, tmp_path / "missing")
    assert "missing" in text
    refused(errno.EISDIR, blockif_ref.open, tmp_path)
    refused(errno.EISDIR, blockif_ref.open, tmp_path, read_only=True)
    refused(errno.EINVAL, blockif_ref.open, empty)
    refused(errno.EINVAL, blockif_ref.open, tmp_path / "fifo", read_only=True)


def test_an_unreadable_image(image: Path) -> None:
    image.chmod(0)
    blockif_ref.stalled(512).close()  # the library is loaded before root is given up
    child = os.fork()
    if child == 0:
        code = 1
        with contextlib.suppress(OSError):
            os.setuid(65534)  # root reads anything
        try:
            blockif_ref.open(image)
        except OSError as error:
            code = 0 if error.errno == errno.EACCES else 2
        os._exit(code)
    assert os.waitpid(child, 0)[1] == 0


def test_bad_options(image: Path) -> None:
    refused(errno.EINVAL, blockif_ref.open, image, workers=65)
    refused(errno.EINVAL, blockif_ref.open, image, workers=-1)
    refused(errno.EINVAL, blockif_ref.open, image, sector=1000)
    refused(errno.EINVAL, blockif_ref.open, image, sector=4096, physical=512)
    refused(errno.ENOSYS, blockif_ref.open, image, kick="no-such-kick")


def test_a_request_beyond_the_end_names_both_ends(tmp_path: Path) -> None:
    image = tmp_path / "short"
    image.write_bytes(b"x" * 100)
    with blockif_ref.open(image) as disk:
        text = refused(errno.EINVAL, disk.read, bytearray(BLOCK), 0)
        assert "4096 bytes at 0 on a disk of 100 bytes" in text
        refused(errno.EINVAL, disk.write, bytes(1), 100)
        refused(errno.EINVAL, disk.read, bytearray(1), -1)
        refused(errno.EINVAL, disk.read, bytearray(1), 1 << 62)
        refused(errno.EINVAL, disk.read, bytearray(1), 1 << 70)
        refused(errno.EINVAL, disk.read, bytearray(0), 0)
        refused(errno.EINVAL, disk.delete, 0, -5)
        buffer = bytearray(100)
        assert disk.read(buffer, 0).wait() == 100
        assert buffer == b"x" * 100


def test_an_image_cut_short_under_the_disk(image: Path) -> None:
    with blockif_ref.open(image) as disk:
        os.truncate(image, BLOCK + 10)
        request = disk.read(bytearray(2 * BLOCK), 0)
        refused(errno.EIO, request.wait)
        assert request.residual == BLOCK - 10


def test_read_only_and_no_delete(image: Path) -> None:
    before = image.read_bytes()
    with blockif_ref.open(image, read_only=True) as disk:
        assert disk.read_only
        refused(errno.EROFS, disk.write, bytes(BLOCK), 0)
        refused(errno.EROFS, disk.delete, 0, BLOCK)
    with blockif_ref.open(image, no_delete=True) as disk:
        assert not disk.can_delete
        refused(errno.EOPNOTSUPP, disk.delete, 0, BLOCK)
    assert image.read_bytes() == before


@pytest.mark.skipif(not hasattr(os, "O_DIRECT"), reason="no O_DIRECT")
def test_direct_wants_whole_sectors_and_bounces_crooked_memory(image: Path) -> None:
    try:
        disk = blockif_ref.open(image, direct=True)
    except OSError as error:
        pytest.skip(f"no direct I/O on this file system: {error}")
    with disk:
        refused(errno.EINVAL, disk.read, bytearray(BLOCK), 100)
        refused(errno.EINVAL, disk.write, bytes(100), 0)
        memory = mmap.mmap(-1, 64 * BLOCK)
        crooked = memoryview(memory)[3 : 3 + 40 * BLOCK]  # more than one bounce
        crooked[:] = os.urandom(40 * BLOCK)
        assert disk.write(crooked, BLOCK).wait() == 40 * BLOCK
        back = memoryview(bytearray(40 * BLOCK + 1))[1:]
        assert disk.read(back, BLOCK).wait() == 40 * BLOCK
        assert back == crooked
        crooked.release()


FULL_DISK = """
import errno, os, resource, signal, sys
import blockif_ref
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
image, block = sys.argv[1], 4096
with blockif_ref.open(image) as disk:
    resource.setrlimit(resource.RLIMIT_FSIZE, (block + 1000, resource.RLIM_INFINITY))
    request = disk.write(b"y" * (3 * block), 0)
    try:
        request.wait()
    except OSError as error:
        print(error.errno == errno.EFBIG, request.length - request.residual)
"""


def test_no_more_room_in_the_middle_of_a_write_says_what_was_written(image: Path) -> None:
    before = image.read_bytes()
    ran = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(image)], capture_output=True, text=True
    )
    assert ran.stdout.split() == ["True", str(BLOCK + 1000)], ran.stderr
    data = image.read_bytes()
    assert data == b"y" * (BLOCK + 1000) + before[BLOCK + 1000 :]


REAL_FULL_DISK = """
import sys
import blockif_ref
room, block = 16 * 4096, 4096
with open(sys.argv[1], "wb") as file:
    file.truncate(64 * block)
with blockif_ref.open(sys.argv[1]) as disk:
    request = disk.write(b"y" * (32 * block), 0)
    try:
        request.wait()
    except OSError as error:
        done = request.length - request.residual
        page = bytearray(32 * block)
        disk.read(page, 0).wait()
        print(error.errno, done <= room, page == b"y" * done + bytes(32 * block - done))
    print(disk.delete(0, 8 * block).wait(), disk.write(b"z" * block, 0).wait())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="tmpfs is Linux's")
def test_a_full_file_system_in_the_middle_of_a_write(tmp_path: Path) -> None:
    mount = f"mount -t tmpfs -o size=64k none {tmp_path}"
    inside = ["unshare", "-m", "sh", "-c", f'{mount} && exec "$@"', "sh"]
    try:
        if subprocess.run([*inside, "true"], capture_output=True).returncode:
            pytest.skip("no right to mount")
    except FileNotFoundError:
        pytest.skip("no unshare")
    python = [sys.executable, "-c", REAL_FULL_DISK, str(tmp_path / "image")]
    ran = subprocess.run([*inside, *python], capture_output=True, text=True)
    told = f"{errno.ENOSPC} True True {8 * BLOCK} {BLOCK}"
    assert ran.stdout.split() == told.split(), ran.stderr


def test_what_is_no_order_is_no_flush_either(image: Path) -> None:
    with blockif_ref.open(image) as disk:
        for order in (None, "flush", (b"", 0)):
            with pytest.raises(TypeError, match="is no Read, Write, Flush or Delete"):
                disk.submit([Flush(), order])  # type: ignore[list-item]
        assert disk.wait(disk.submit([Flush()] * disk.limit)) == [0] * disk.limit


def test_memory_in_use_cannot_be_taken_away() -> None:
    with blockif_ref.stalled(1 << 20) as disk, mmap.mmap(-1, BLOCK) as memory:
        disk.hold()
        view, numbers = memoryview(bytearray(512)), array.array("Q", bytes(512))
        requests = disk.submit([Read(memory, 0), Read(view, BLOCK), Read(numbers, 2 * BLOCK)])
        for take in (memory.close, view.release, lambda: numbers.append(1)):
            with pytest.raises(BufferError):
                take()
        disk.release()
        disk.wait(requests)
        view.release()
        numbers.append(1)


def test_too_many_requests_are_all_refused_and_the_rest_goes_on() -> None:
    with blockif_ref.stalled(1 << 20, workers=2) as disk:
        assert disk.limit == 130
        disk.hold()
        held = disk.submit([Read(bytearray(512), 0)] * 100)
        refused(errno.E2BIG, disk.submit, [Read(bytearray(512), 0)] * 31)
        held += disk.submit([Read(bytearray(512), 0)] * 30)
        refused(errno.E2BIG, disk.flush)
        disk.release()
        assert disk.wait(held) == [512] * 130


def test_a_batch_with_one_bad_request_does_nothing(image: Path) -> None:
    before = image.read_bytes()
    with blockif_ref.open(image) as disk:
        orders = [Write(bytes(BLOCK), 0), Write(bytes(BLOCK), 64 * BLOCK), Delete(0, BLOCK)]
        assert "at 262144" in refused(errno.EINVAL, disk.submit, orders)
    assert image.read_bytes() == before


def test_closing_twice(image: Path) -> None:
    disk = blockif_ref.open(image)
    disk.close()
    refused(errno.EBADF, disk.close)
    refused(errno.EBADF, disk.flush)
    with blockif_ref.open(image) as disk:
        disk.close()


def test_cancelling_a_foreign_or_finished_request(image: Path) -> None:
    with blockif_ref.open(image) as one, blockif_ref.open(image) as other:
        request = one.read(bytearray(BLOCK), 0)
        refused(errno.EINVAL, other.cancel, request)
        request.wait()
        refused(errno.EINVAL, request.cancel)
        refused(errno.EINVAL, one.cancel, request)


def test_after_close_everything_is_refused_and_what_ended_stays(image: Path) -> None:
    disk = blockif_ref.stalled(1 << 20)
    request = disk.read(bytearray(512), 0)
    disk.close()
    for use in (disk.flush, disk.hold, disk.release, request.cancel, lambda: disk.kicks):
        refused(errno.EBADF, use)
    disk.poll()
    assert request.wait() == 512


def test_a_child_has_no_part_in_its_parents_disk(image: Path) -> None:
    with blockif_ref.stalled(1 << 20) as disk:
        disk.hold()
        request = disk.read(bytearray(512), 0)
        child = os.fork()
        if child == 0:
            code = 1
            with contextlib.suppress(BaseException):
                for use in (disk.flush, request.wait, request.cancel, disk.release, disk.close):
                    refused(errno.EBADF, use)
                disk.__exit__(None, None, None)
                with blockif_ref.open(image) as own:
                    assert own.read(bytearray(512), 0).wait() == 512
                code = 0
            os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
        disk.release()
        assert request.wait() == 512
