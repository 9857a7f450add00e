# SPDX-License-Identifier: BSD-2-Clause
"""Disks and requests: the block layer as Python sees it.

Buffers are used where they lie: until a request has ended, its memory belongs to the disk. Any
thread may submit, wait and cancel; one at a time collects what has ended, for all. A disk belongs
to the process that opened it: a child made by fork has none of its threads.

A signal handler, ^C's for one, may raise between any two steps here. So what C hands over stays
where C has put it until the last step of using it is done, and doing one again is no harm.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import errno
import os
import struct
import threading
import time
import warnings
import weakref
from collections.abc import Generator, Iterable, Sequence
from ctypes import byref, c_char_p, c_int32, c_size_t, c_void_p, create_string_buffer
from types import TracebackType
from typing import Any, NamedTuple, TypeVar

from blockif_ref import door

DEFAULT_KICK = "handler-retry"
SLICE_MS = 100  # of a wait in C, between looks at Python's signals

READ, WRITE, FLUSH, DELETE = range(4)
VERBS = ("read", "write", "flush", "delete")


class Read(NamedTuple):
    """Fill a writable buffer from `offset` bytes on."""

    buffer: Any
    offset: int


class Write(NamedTuple):
    """Write a buffer from `offset` bytes on."""

    buffer: Any
    offset: int


class Flush(NamedTuple):
    """Bring what has been written to the medium."""


class Delete(NamedTuple):
    """Forget `length` bytes from `offset` on: they read as zeros afterwards."""

    offset: int
    length: int


Order = Read | Write | Flush | Delete


D = TypeVar("D", bound="Disk")


class _Mark:
    """Lives as long as a cancel does, however that ends: until then its slot is not used again."""

    __slots__ = ("__weakref__",)


class Request:
    """One request that has been handed in.

    `length` is what was asked for and `residual` what has not been transferred, both in bytes;
    `residual` is None until the request has ended.
    """

    __slots__ = (
        "_disk",
        "_error",
        "_futures",
        "_slot",
        "length",
        "offset",
        "operation",
        "residual",
    )

    def __init__(self, disk: Disk, slot: int, operation: int, offset: int, length: int) -> None:
        """Made by a disk."""
        self._disk = disk
        self._slot = slot
        self._error: int | None = None
        self._futures: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []
        self.operation = VERBS[operation]
        self.offset = offset
        self.length = length
        self.residual: int | None = None

    @property
    def done(self) -> bool:
        """Whether the request has ended, and somebody has collected it."""
        return self._error is not None

    @property
    def error(self) -> int | None:
        """0 or the errno that it ended with; None while it runs."""
        return self._error

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended and return the number of bytes transferred.

        OSError: ECANCELED if it was cancelled before it ran, EINTR (InterruptedError) if while it
        ran, EIO if the image ended before it, or what the system said. TimeoutError after
        `timeout` seconds; the request goes on.
        """
        self._disk._await((self,), timeout)
        return self.result()

    def result(self) -> int:
        """Return the bytes transferred, or raise its OSError; InvalidStateError while it runs."""
        if self._error is None:
            raise asyncio.InvalidStateError("the request has not ended")
        if self._error:
            raise self._disk._failure(self._error, self.operation, self.offset, self.length)
        return self.length - (self.residual or 0)

    def cancel(self) -> bool:
        """Cancel it: True if it had not begun, False if it ran and has been made to end.

        It has ended when this returns, with ECANCELED or, if it ran, with whatever came of it.
        How a running one is ended, and after how long, is the kick's affair. OSError (EINVAL)
        when it had ended before.
        """
        return self._disk.cancel(self)

    def __await__(self) -> Generator[Any, None, int]:
        """Wait in asyncio. Cancelling the task cancels the request, and ends when that has ended.

        Until then the buffer is in use. asyncio.shield keeps a request from being cancelled.
        """
        if self._error is None:
            yield from self._disk._future(self).__await__()
        return self.result()

    def __repr__(self) -> str:
        """Say what it is and how it stands."""
        state = "running"
        if self._error is not None:
            state = os.strerror(self._error) if self._error else "done"
        return f"<{self.operation} of {self.length} bytes at {self.offset}: {state}>"


class Disk:
    """An open disk. Use open() to make one.

    size, sector, physical: bytes. workers: threads. limit: requests that it holds at once.
    """

    def __init__(self, handle: c_void_p) -> None:
        """Take over an open blockif."""
        self._c = door.library()
        self._handle = handle
        about = door.About()
        self._c.blockif_about(handle, byref(about))
        self.size = int(about.size)
        self.sector = int(about.sector)
        self.physical = int(about.physical)
        self.workers = int(about.workers)
        self.limit = int(about.limit)
        self.read_only = bool(about.read_only)
        self.can_delete = bool(about.can_delete)
        self.closed = False
        self._closing = False
        self._process = os.getpid()
        self._basket = c_void_p()
        failed = self._c.basket_open(byref(self._basket), handle)
        if failed:
            self._c.blockif_close(byref(handle))
            raise _os_error(failed)
        self._lock = threading.Lock()
        self._turn = threading.Condition()
        self._collector: int | None = None  # the thread that collects
        self._handed_in, self._taken = c_int32(), c_size_t()
        self._orders = create_string_buffer(door.ORDER.size * self.limit)
        self._answers = create_string_buffer(door.ANSWER.size * self.limit)
        self._views = (door.View * self.limit)()
        first = ctypes.addressof(self._views)
        step = ctypes.sizeof(door.View)
        self._view_at = [first + slot * step for slot in range(self.limit)]
        self._table: list[Request | None] = [None] * self.limit
        self._vacant = set(range(self.limit))
        self._pinned: dict[int, list[weakref.ref[_Mark]]] = {}  # slots that cancels are busy with
        self._loops: dict[asyncio.AbstractEventLoop, int] = {}

    # ------------------------------------------------------------------ submitting

    def read(self, buffer: Any, offset: int) -> Request:
        """Fill a writable, contiguous buffer from `offset` bytes on.

        OSError: EINVAL beyond the end, for no bytes, or under direct for what is not whole
        sectors; E2BIG when the disk holds `limit` requests already; EBADF when it is closed.
        BufferError or TypeError for memory that cannot be used.
        """
        return self.submit((Read(buffer, offset),))[0]

    def write(self, buffer: Any, offset: int) -> Request:
        """Write a contiguous buffer from `offset` bytes on; OSError as read, and EROFS."""
        return self.submit((Write(buffer, offset),))[0]

    def flush(self) -> Request:
        """Bring to the medium what has been answered before; OSError as read."""
        return self.submit((Flush(),))[0]

    def delete(self, offset: int, length: int) -> Request:
        """Forget `length` bytes from `offset` on: they read as zeros afterwards.

        OSError as write, and EOPNOTSUPP where the disk has no delete.
        """
        return self.submit((Delete(offset, length),))[0]

    def submit(self, orders: Iterable[Order]) -> list[Request]:
        """Hand in many at once: all of them, or none and the first one's error."""
        wanted = tuple(orders)  # whatever makes them may use the disk
        requests: list[Request] = []
        self._check_open()
        with self._lock:
            self._check_open()
            self._finish()
            self._handed_in.value = 0
            try:
                for order in wanted:
                    self._place(order, requests)
                failed = self._c.basket_submit(
                    self._basket, self._orders, len(requests), byref(self._handed_in)
                )
                if failed:
                    raise self._refusal(failed, requests)
            except BaseException:
                for request in () if self._handed_in.value else requests:
                    self._give_back(request._slot)
                raise
        return requests

    def _place(self, order: Order, requests: list[Request]) -> None:
        """Give an order a slot, pin its memory and write it into the list for C."""
        if not self._vacant:
            self._vacant.update(
                slot
                for slot, request in enumerate(self._table)
                if not request and not self._is_pinned(slot)
            )
        if not self._vacant:
            raise _os_error(errno.E2BIG, f"the disk holds {self.limit} requests at once")
        slot = next(iter(self._vacant))
        operation, offset, length = -1, 0, 0
        try:
            operation, memory, offset, length = self._take_apart(order, slot)
            position = len(requests) * door.ORDER.size
            door.ORDER.pack_into(self._orders, position, operation, slot, memory, offset, length)
            request = Request(self, slot, operation, offset, length)
            self._table[slot] = request
            self._vacant.discard(slot)
            requests.append(request)
        except struct.error as error:
            self._give_back(slot)
            raise self._failure(errno.EINVAL, VERBS[operation], offset, length) from error
        except BaseException:
            self._give_back(slot)
            raise

    def _take_apart(self, order: Order, slot: int) -> tuple[int, int, int, int]:
        """Return operation, address of the pinned memory, offset and length."""
        if isinstance(order, (Read, Write)):
            reads = isinstance(order, Read)
            door.get_buffer(order.buffer, self._view_at[slot], door.WRITABLE if reads else 0)
            view = self._views[slot]
            return READ if reads else WRITE, view.buf or 0, order.offset, view.len
        if isinstance(order, Delete):
            return DELETE, 0, order.offset, order.length
        if isinstance(order, Flush):
            return FLUSH, 0, 0, 0
        raise TypeError(f"{order!r} is no Read, Write, Flush or Delete")

    def _unpin_memory(self, slot: int) -> None:
        if self._views[slot].obj:
            door.release_buffer(self._view_at[slot])

    def _give_back(self, slot: int) -> None:
        self._unpin_memory(slot)
        if not self._is_pinned(slot):
            self._vacant.add(slot)
        self._table[slot] = None

    def _is_pinned(self, slot: int) -> bool:
        return slot in self._pinned and any(mark() for mark in self._pinned[slot])

    def _refusal(self, failed: int, requests: Sequence[Request]) -> OSError:
        if failed == errno.E2BIG:
            return _os_error(failed, f"the disk holds {self.limit} requests at once")
        wrong = next((r for r in requests if self._at_fault(r, failed)), requests[0])
        return self._failure(failed, wrong.operation, wrong.offset, wrong.length)

    def _at_fault(self, request: Request, failed: int) -> bool:
        if failed == errno.EROFS:
            return request.operation in ("write", "delete")
        if failed == errno.EOPNOTSUPP:
            return request.operation == "delete"
        beyond = not 0 <= request.offset <= self.size - request.length
        return request.operation != "flush" and (beyond or request.length <= 0)

    def _failure(self, code: int, operation: str, offset: int, length: int) -> OSError:
        if operation == "flush":
            return _os_error(code, "flush")
        return _os_error(
            code, f"{operation} of {length} bytes at {offset} on a disk of {self.size} bytes"
        )

    # ------------------------------------------------------------------ collecting

    def wait(self, requests: Iterable[Request], timeout: float | None = None) -> list[int]:
        """Wait until all have ended and return the bytes that each transferred.

        Raises the first one's OSError, after all have ended; TimeoutError after `timeout` seconds.
        """
        every = list(requests)
        self._await(every, timeout)
        return [request.result() for request in every]

    def poll(self) -> None:
        """Collect what has ended, without waiting."""
        self._take_turn(None, 0)

    def _await(self, requests: Sequence[Request], timeout: float | None) -> None:
        until = None if timeout is None else time.monotonic() + timeout
        for request in requests:
            while request._error is None:
                self._check_process()
                left = SLICE_MS if until is None else int((until - time.monotonic()) * 1000) + 1
                if left <= 0:
                    raise TimeoutError(f"not ended after {timeout} seconds: {request!r}")
                self._take_turn(request, min(left, SLICE_MS))

    def _take_turn(self, request: Request | None, milliseconds: int) -> None:
        """Collect for everybody, or wait while another thread does."""
        mine = threading.get_ident()
        try:
            with self._turn:
                if self._collector not in (None, mine):
                    if milliseconds:
                        self._turn.wait(milliseconds / 1000)
                    return
                if request is not None and request._error is not None:
                    return
                self._collector = mine
            self._collect(milliseconds)
        finally:
            if self._collector == mine:
                with self._turn:
                    self._collector = None
                    self._turn.notify_all()

    def _collect(self, milliseconds: int) -> None:
        if self.closed:
            return
        if not self._taken.value:
            self._c.basket_collect(
                self._basket, self._answers, self.limit, milliseconds, byref(self._taken)
            )
        with self._lock:
            self._finish()

    def _finish(self) -> None:
        """End the requests whose answers have been taken, from the last one on."""
        taken, answers, size = self._taken, self._answers, door.ANSWER.size
        while left := taken.value:
            slot, error, residual = door.ANSWER.unpack_from(answers, (left - 1) * size)
            request = self._table[slot]
            if request is not None:  # else a signal came before `left` was counted down
                self._end(request, error, residual)
            taken.value = left - 1

    def _end(self, request: Request, error: int, residual: int) -> None:
        self._unpin_memory(request._slot)  # whoever sees that it is done may use the memory
        request.residual = residual
        request._error = error
        for loop, future in request._futures:
            with contextlib.suppress(RuntimeError):  # the loop has been closed
                loop.call_soon_threadsafe(_resolve, future)
        self._give_back(request._slot)

    # ------------------------------------------------------------------ asyncio

    async def _future(self, request: Request) -> None:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._check_process()
        request._futures.append((loop, future))
        if not self._loops.get(loop):
            loop.add_reader(self._c.basket_descriptor(self._basket), self.poll)
        self._loops[loop] = self._loops.get(loop, 0) + 1
        try:
            if request._error is None:
                await future
        except asyncio.CancelledError:
            # Not here: it may take as long as the I/O, and the loop has other things to do.
            await loop.run_in_executor(None, self._cancel_if_running, request)
            raise
        finally:
            self._loops[loop] -= 1
            if not self._loops[loop]:
                del self._loops[loop]
                if not self.closed:
                    loop.remove_reader(self._c.basket_descriptor(self._basket))

    # ------------------------------------------------------------------ cancelling and closing

    def cancel(self, request: Request) -> bool:
        """Cancel a request of this disk; see Request.cancel. OSError (EINVAL): a foreign one."""
        if request._disk is not self:
            raise _os_error(errno.EINVAL, "the request is another disk's")
        slot, mark = request._slot, _Mark()
        self._check_handle()
        with self._lock:
            self._check_handle()
            if request._error is not None:
                raise _os_error(errno.EINVAL, "the request had ended")
            others = [other for other in self._pinned.get(slot, ()) if other()]
            self._pinned[slot] = [*others, weakref.ref(mark)]
        failed = self._c.basket_cancel(self._basket, slot)
        self._await((request,), None)
        del mark
        with self._lock:
            if self._table[slot] is None and not self._is_pinned(slot):
                self._vacant.add(slot)
        if failed not in (0, errno.EBUSY):
            raise _os_error(failed, "the request had ended")
        return bool(failed == 0)

    def _cancel_if_running(self, request: Request) -> None:
        with contextlib.suppress(OSError):
            self.cancel(request)

    @property
    def kicks(self) -> int:
        """Kicks sent since the disk was opened."""
        self._check_handle()
        return int(self._c.blockif_kicks(self._handle))

    def close(self) -> None:
        """Let everything end that was handed in, then close; OSError (EBADF) the second time.

        Others may cancel meanwhile. If a signal handler raises, the disk stays open.
        """
        self._check_open()
        with self._lock:
            self._check_open()
            self._closing = True
        try:
            self._await([request for request in self._table if request], None)
        except BaseException:
            self._closing = False
            raise
        self._c.blockif_close(byref(self._handle))
        with self._turn:
            while self._collector is not None:
                self._turn.wait()
            self.closed = True
        descriptor = self._c.basket_descriptor(self._basket)
        for loop in list(self._loops):
            with contextlib.suppress(RuntimeError):  # the loop has been closed
                loop.call_soon_threadsafe(loop.remove_reader, descriptor)
        self._c.basket_close(self._basket)

    def _check_open(self) -> None:
        """Raise OSError (EBADF) unless requests may be handed in."""
        self._check_handle()
        if self._closing:
            raise _os_error(errno.EBADF, "the disk is being closed")

    def _check_handle(self) -> None:
        self._check_process()
        if not self._handle:
            raise _os_error(errno.EBADF, "the disk is closed")

    def _check_process(self) -> None:
        if os.getpid() != self._process:
            raise _os_error(errno.EBADF, "the disk was opened by another process")

    def __enter__(self: D) -> D:
        """Return the disk itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the disk if that has not been done, and it is this process's."""
        if not self.closed and os.getpid() == self._process:
            self.close()

    def __del__(self) -> None:
        """Close a disk that was forgotten."""
        if not getattr(self, "closed", True) and os.getpid() == self._process:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, stacklevel=2)
            self.close()


class StalledDisk(Disk):
    """A disk in memory that stops answering on command: see stalled()."""

    def __init__(self, handle: c_void_p, device: c_void_p) -> None:
        """Take over an open blockif and its device."""
        super().__init__(handle)
        self._device = device

    def hold(self) -> None:
        """Answer no request from now on: they sleep in their I/O."""
        self._check_handle()
        self._c.device_stalled_hold(self._device, True)

    def release(self) -> None:
        """Answer again."""
        self._check_handle()
        self._c.device_stalled_hold(self._device, False)

    def close(self) -> None:
        """Release the device, then close as any disk."""
        self.release()
        super().close()


def open(  # noqa: A001 - the name that a disk's user looks for
    path: str | os.PathLike[str],
    *,
    kick: str = DEFAULT_KICK,
    workers: int = 8,
    read_only: bool = False,
    direct: bool = False,
    sync: bool = False,
    sector: int = 0,
    physical: int = 0,
    no_delete: bool = False,
) -> Disk:
    """Open a file or block device as a disk.

    `kick` is how cancel gets a worker out of its system call (docs/kicks.md); the default uses
    SIGUSR1 while the disk is open. `workers` is the number of threads, 1 to 64. `direct` goes past
    the system's cache and wants offsets and lengths that are whole sectors; `sync` brings each
    write to the medium before it ends. `sector` and `physical` are bytes, 0 for the device's own.

    OSError: as open(2); EINVAL for an empty image, one that is no file or disk, or bad options;
    ENOSYS when this system has no such kick; EBUSY when its signal is somebody else's. Fault when
    the C library cannot be built.
    """
    options = door.Options(
        kick.encode(), workers, sector, physical, read_only, direct, sync, no_delete
    )
    handle = c_void_p()
    name = os.fspath(path)
    failed = door.library().blockif_open(byref(handle), c_char_p(os.fsencode(name)), byref(options))
    if failed:
        raise OSError(failed, os.strerror(failed), name)
    return Disk(handle)


def stalled(size: int, *, kick: str = DEFAULT_KICK, workers: int = 8) -> StalledDisk:
    """Return a disk of `size` bytes in memory whose requests sleep while it is held.

    OSError as open().
    """
    library = door.library()
    options = door.Options(kick.encode(), workers, 0, 0, False, False, False, False)
    device, handle = c_void_p(), c_void_p()
    failed = library.device_stalled_open(byref(device), size, workers, None)
    if not failed:
        failed = library.blockif_open_device(byref(handle), device, byref(options), None)
    if failed:
        raise _os_error(failed, f"a stalled disk with kick {kick}")
    return StalledDisk(handle, device)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _os_error(code: int, detail: str = "") -> OSError:
    return OSError(code, f"{os.strerror(code)}: {detail}" if detail else os.strerror(code))
