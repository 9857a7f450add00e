# SPDX-License-Identifier: BSD-2-Clause
"""A disk as its user meets it: data, cancelling, waiting, asyncio, closing."""

import array
import asyncio
import contextlib
import errno
import gc
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from disk_tools import refused

import blockif_ref
from blockif_ref import Flush, Read, Write

BLOCK = 4096


def test_reads_what_the_file_holds_and_writes_what_it_is_given(image: Path) -> None:
    before = image.read_bytes()
    with blockif_ref.open(image) as disk:
        page = bytearray(BLOCK)
        assert disk.read(page, 3 * BLOCK).wait() == BLOCK
        assert page == before[3 * BLOCK : 4 * BLOCK]
        assert disk.write(b"x" * BLOCK, 5 * BLOCK).wait() == BLOCK
        assert disk.flush().wait() == 0
    assert image.read_bytes() == before[: 5 * BLOCK] + b"x" * BLOCK + before[6 * BLOCK :]


def test_delete_reads_as_zeros(image: Path) -> None:
    with blockif_ref.open(image) as disk:
        assert disk.delete(BLOCK, 3 * BLOCK + 100).wait() == 3 * BLOCK + 100
    data = image.read_bytes()
    assert data[BLOCK : 4 * BLOCK + 100] == bytes(3 * BLOCK + 100)
    assert data[4 * BLOCK + 100 : 5 * BLOCK].strip(b"\0")
    assert len(data) == 64 * BLOCK


@pytest.mark.parametrize(
    "make", [bytearray, lambda n: memoryview(bytearray(n)), lambda n: array.array("Q", bytes(n))]
)
def test_any_buffer_is_used_where_it_lies(image: Path, make: Callable[[Any], Any]) -> None:
    buffer = make(BLOCK)
    with blockif_ref.open(image) as disk:
        disk.read(buffer, 0).wait()
    assert bytes(buffer) == image.read_bytes()[:BLOCK]


def test_a_buffer_in_use_cannot_be_resized_under_the_disk(image: Path) -> None:
    with blockif_ref.stalled(1 << 20) as disk:
        disk.hold()
        buffer = bytearray(BLOCK)
        request = disk.read(buffer, 0)
        with pytest.raises(BufferError):
            buffer.extend(b"more")
        disk.release()
        request.wait()
        buffer.extend(b"more")


def test_memory_that_cannot_be_used_is_refused_and_costs_nothing(image: Path) -> None:
    with blockif_ref.open(image) as disk:
        with pytest.raises(BufferError):
            disk.read(b"read-only", 0)
        with pytest.raises(TypeError):
            disk.write(17, 0)
        with pytest.raises(BufferError):
            disk.write(memoryview(bytes(8))[::2], 0)
        requests = disk.submit([Flush()] * disk.limit)
        disk.wait(requests)


LEAVING = """
import builtins
import blockif_ref
disk = blockif_ref.stalled(1 << 20, kick=%r)
disk.hold()
requests = disk.submit([blockif_ref.Read(bytearray(4096), n * 4096) for n in range(64)])
%s
"""


@pytest.mark.parametrize("kick", ["wait", "handler-retry"])
@pytest.mark.parametrize("kept", ["", "builtins.kept = disk, requests", "disk.itself = disk"])
def test_python_may_exit_with_requests_in_flight(kick: str, kept: str) -> None:
    script = LEAVING % (kick, kept)
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")


class Alarm(Exception):
    pass


@pytest.fixture
def alarm() -> Iterator[None]:
    """SIGALRM raises, as ^C does."""

    def ring(number: int, frame: object) -> None:
        raise Alarm

    gc.collect()  # it would ring in somebody's __del__
    before = signal.signal(signal.SIGALRM, ring)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def fill(disk: blockif_ref.Disk) -> None:
    """Use every place on the disk, once those have ended which an alarm has made nobody's."""
    patience = time.monotonic() + 60
    while True:
        try:
            disk.wait(disk.submit([Flush()] * disk.limit))
            return
        except OSError as error:
            assert error.errno == errno.E2BIG and time.monotonic() < patience
            disk.poll()


def test_a_signal_handler_that_raises_loses_no_answer(alarm: None) -> None:
    buffers = [bytearray(512) for _ in range(32)]
    with blockif_ref.stalled(1 << 20, kick="handler-retry") as disk:
        for turn in range(300):
            requests: list[blockif_ref.Request] = []
            fill(disk)
            with contextlib.suppress(Alarm):
                signal.setitimer(signal.ITIMER_REAL, 0.0001 * (1 + turn % 7))
                while True:
                    requests = disk.submit([Read(b, n * 1024) for n, b in enumerate(buffers)])
                    with contextlib.suppress(OSError):
                        requests[turn % 32].cancel()
                    with contextlib.suppress(OSError):
                        disk.wait(requests)
            with contextlib.suppress(OSError):
                disk.wait(requests, timeout=60)
    for buffer in buffers:
        buffer.append(0)


def test_a_close_that_is_interrupted_can_be_made_again(alarm: None) -> None:
    disk = blockif_ref.stalled(1 << 20, kick="wait")
    disk.hold()
    request = disk.read(bytearray(512), 0)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    with pytest.raises(Alarm):
        blockif_ref.Disk.close(disk)  # a stalled disk's own releases it first
    disk.flush()
    disk.close()
    assert request.wait() == 512


def test_others_may_cancel_what_a_close_waits_for() -> None:
    disk = blockif_ref.stalled(1 << 20)
    disk.hold()
    request = disk.read(bytearray(512), 0)
    closing = threading.Thread(target=blockif_ref.Disk.close, args=(disk,))
    closing.start()
    with contextlib.suppress(OSError):
        while True:
            disk.flush()  # until the disk is being closed
    request.cancel()
    closing.join()
    assert request.error in (errno.EINTR, errno.ECANCELED)


# ---------------------------------------------------------------------- cancelling


@pytest.mark.parametrize("kick", ["handler", "handler-usr1", "handler-retry", "gate"])
def test_cancel_ends_a_sleeping_request(kick: str) -> None:
    with blockif_ref.stalled(1 << 20, kick=kick, workers=1) as disk:
        disk.hold()
        for _ in range(20):
            running, waiting = disk.submit([Read(bytearray(512), 0), Write(bytes(512), 1024)])
            assert waiting.cancel() is True
            refused(errno.ECANCELED, waiting.wait)
            assert waiting.residual == 512
            try:
                began = not running.cancel()
            except OSError as error:
                assert error.errno == errno.EINVAL
            refused(errno.EINTR if began else errno.ECANCELED, running.wait)
            assert running.residual == 512
            if kick in ("handler", "handler-usr1"):
                break  # one signal may come before the call is entered; the rest is a scenario's


def test_cancel_with_wait_returns_when_the_device_answers() -> None:
    with blockif_ref.stalled(1 << 20, kick="wait", workers=1) as disk:
        began = False
        while not began:  # a cancel may come before the worker does
            disk.hold()
            running, waiting = disk.submit([Write(b"a" * 512, 0), Write(b"b" * 512, 1024)])
            timer = threading.Timer(0.05, disk.release)
            assert waiting.cancel() is True
            timer.start()
            try:
                began = not running.cancel()
            except OSError as error:  # released and answered before the cancel began
                assert error.errno == errno.EINVAL
            timer.join()
        assert running.wait() == 512


def test_a_cancelled_request_frees_its_sequel() -> None:
    with blockif_ref.stalled(1 << 20, workers=2) as disk:
        disk.hold()
        first, second, third = disk.submit(
            [Write(b"1" * 512, 0), Write(b"2" * 512, 512), Write(b"3" * 512, 1024)]
        )
        assert second.cancel() is True
        disk.release()
        assert disk.wait([first, third]) == [512, 512]
        page = bytearray(1536)
        disk.read(page, 0).wait()
        assert page == b"1" * 512 + bytes(512) + b"3" * 512


def test_the_kick_gives_its_signal_back(image: Path) -> None:
    def mine(number: int, frame: object) -> None:
        pass

    before = signal.signal(signal.SIGUSR1, mine)
    try:
        refused(errno.EBUSY, blockif_ref.open, image, kick="handler-usr1")
        assert signal.getsignal(signal.SIGUSR1) is mine
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        with (
            blockif_ref.open(image, kick="handler-usr1"),
            blockif_ref.open(image, kick="handler-retry"),
        ):
            pass
        blockif_ref.open(image, kick="wait").close()
        signal.signal(signal.SIGUSR1, mine)
        os.kill(os.getpid(), signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)


# ---------------------------------------------------------------------- waiting


def test_wait_times_out_and_the_request_goes_on() -> None:
    with blockif_ref.stalled(1 << 20) as disk:
        disk.hold()
        request = disk.read(bytearray(512), 0)
        with pytest.raises(TimeoutError):
            request.wait(timeout=0.01)
        assert not request.done
        disk.release()
        assert request.wait() == 512


def test_many_threads_wait_on_one_disk(image: Path) -> None:
    data = image.read_bytes()
    faults = []

    def reader(disk: blockif_ref.Disk, number: int) -> None:
        page = bytearray(512)
        for turn in range(200):
            offset = (number * 31 + turn * 7) % 512 * 512
            disk.read(page, offset).wait()
            if page != data[offset : offset + 512]:
                faults.append(offset)

    with blockif_ref.open(image) as disk:
        threads = [threading.Thread(target=reader, args=(disk, n)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not faults


def test_asyncio(image: Path) -> None:
    data = image.read_bytes()

    async def read(disk: blockif_ref.Disk, offset: int) -> bytes:
        page = bytearray(512)
        assert await disk.read(page, offset) == 512
        return bytes(page)

    async def everything() -> None:
        with blockif_ref.open(image) as disk:
            offsets = [n * 1024 for n in range(100)]
            pages = await asyncio.gather(*(read(disk, offset) for offset in offsets))
            assert pages == [data[o : o + 512] for o in offsets]
            assert await disk.flush() == 0

    asyncio.run(everything())


def test_asyncio_sees_a_cancelled_request_as_its_error() -> None:
    async def everything() -> None:
        with blockif_ref.stalled(1 << 20, workers=1) as disk:
            disk.hold()
            request = disk.read(bytearray(512), 0)
            waiting = asyncio.ensure_future(_await(request))
            await asyncio.sleep(0)
            await asyncio.to_thread(request.cancel)
            with pytest.raises(OSError) as caught:
                await waiting
            assert caught.value.errno in (errno.EINTR, errno.ECANCELED)
            disk.release()

    async def _await(request: blockif_ref.Request) -> int:
        return await request

    asyncio.run(everything())


async def begun(task: asyncio.Task[int]) -> None:
    for _ in range(5):  # the task has got to its await
        await asyncio.sleep(0)
    assert not task.done()


async def waited(request: blockif_ref.Request) -> int:
    return await request


def test_cancelling_a_task_cancels_its_request() -> None:
    async def everything(disk: blockif_ref.StalledDisk) -> None:
        buffer = bytearray(512)
        request = disk.read(buffer, 0)
        task = asyncio.create_task(waited(request))
        await begun(task)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert request.error in (errno.EINTR, errno.ECANCELED)
        buffer.append(0)  # it is the caller's again
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(disk.read(buffer, 0), 0.01)
        buffer.append(0)

    with blockif_ref.stalled(1 << 20) as disk:
        disk.hold()
        asyncio.run(everything(disk))


def test_a_cancelled_task_ends_when_its_buffer_is_free() -> None:
    async def everything(disk: blockif_ref.StalledDisk) -> None:
        buffer = bytearray(512)
        request = disk.read(buffer, 0)
        task = asyncio.create_task(waited(request))
        await begun(task)
        task.cancel()
        await begun(task)
        with pytest.raises(BufferError):
            buffer.append(0)
        disk.release()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert request.wait() == 512
        buffer.append(0)

    with blockif_ref.stalled(1 << 20, kick="wait") as disk:
        disk.hold()
        asyncio.run(everything(disk))


def test_a_shielded_request_outlives_its_loop() -> None:
    kept = []

    async def everything(disk: blockif_ref.StalledDisk) -> None:
        kept.append(disk.read(bytearray(512), 0))
        loop = asyncio.get_running_loop()
        kept[0]._futures.append((loop, loop.create_future()))  # as of a task that was dropped

    with blockif_ref.stalled(1 << 20) as disk:
        disk.hold()
        asyncio.run(everything(disk))
        disk.release()
        assert kept[0].wait() == 512


def test_close_drains(image: Path) -> None:
    disk = blockif_ref.stalled(1 << 20)
    disk.hold()
    requests = disk.submit([Write(b"z" * 512, n * 1024) for n in range(100)])
    disk.close()
    assert [request.error for request in requests] == [0] * 100
    assert resource.getrusage(resource.RUSAGE_SELF)


def test_a_forgotten_disk_is_closed(image: Path) -> None:
    disk = blockif_ref.open(image)
    with pytest.warns(ResourceWarning):
        del disk
