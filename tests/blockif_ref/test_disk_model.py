# SPDX-License-Identifier: BSD-2-Clause
"""A disk held against a bytearray: random requests, cancels, stalls, closes and reopens.

Requests in flight never overlap, except that one may start where another ends, so what each must
leave behind is known: all of it, the part that its residual says, or nothing.
"""

import errno
import tempfile
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

import blockif_ref

SIZE = 64 * 1024
UNIT = 512
UNITS = SIZE // UNIT
KICKS = ("wait", "handler-usr1", "handler-retry", "gate")


class DiskAgainstModel(RuleBasedStateMachine):
    """What every face of a disk has in common; the two backends differ in how they are opened."""

    def __init__(self) -> None:
        super().__init__()
        self.model = bytearray(SIZE)
        self.flying: list[tuple[blockif_ref.Request, Any]] = []
        self.disk: Any = None
        self.open()

    def open(self) -> None:
        raise NotImplementedError

    def free(self, start: int, end: int) -> bool:
        """Whether a range touches no request in flight."""
        return all(
            r.operation == "flush" or end <= r.offset or r.offset + r.length <= start
            for r, _ in self.flying
        )

    def settle(self, request: blockif_ref.Request, buffer: Any) -> None:
        """A request has ended: bring the model up to date, and hold the two together."""
        assert request.residual is not None
        done = request.length - request.residual
        assert request.error in (0, errno.EINTR, errno.ECANCELED)
        assert request.error != 0 or request.residual == 0
        assert request.error != errno.ECANCELED or done == 0
        place = slice(request.offset, request.offset + done)
        if request.operation == "write":
            self.model[place] = buffer[:done]
        elif request.operation == "delete":
            self.model[place] = bytes(done)
        elif request.operation == "read":
            assert buffer[:done] == self.model[place]

    units = st.integers(0, UNITS - 1)
    lengths = st.integers(1, 16)

    @rule(unit=units, length=lengths, kind=st.sampled_from("rwd"), byte=st.integers(0, 255))
    def submit(self, unit: int, length: int, kind: str, byte: int) -> None:
        start, end = unit * UNIT, min((unit + length) * UNIT, SIZE)
        if not self.free(start, end):
            return
        buffer = bytearray([byte ^ 0x5A if kind == "r" else byte]) * (end - start)
        if kind == "r":
            request = self.disk.read(buffer, start)
        elif kind == "w":
            request = self.disk.write(buffer, start)
        else:
            request = self.disk.delete(start, end - start)
        self.flying.append((request, buffer))

    @rule(unit=units, count=st.integers(2, 12), byte=st.integers(0, 255))
    def submit_stream(self, unit: int, count: int, byte: int) -> None:
        """Each starts where the one before it ends."""
        end = min(unit + count, UNITS)
        if not self.free(unit * UNIT, end * UNIT):
            return
        pages = [bytearray([byte + n & 255]) * UNIT for n in range(end - unit)]
        orders = [blockif_ref.Write(p, (unit + n) * UNIT) for n, p in enumerate(pages)]
        self.flying += list(zip(self.disk.submit(orders), pages, strict=True))

    @rule()
    def flush(self) -> None:
        self.flying.append((self.disk.flush(), b""))

    @precondition(lambda self: self.flying)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        request, buffer = data.draw(st.sampled_from(self.flying))
        try:
            taken_back = request.cancel()
        except OSError as error:
            assert error.errno == errno.EINVAL
            taken_back = False
        assert request.done
        assert taken_back == (request.error == errno.ECANCELED)
        self.settle(request, buffer)
        self.flying.remove((request, buffer))

    @rule()
    def wait_for_all(self) -> None:
        self.before_waiting()
        for request, buffer in self.flying:
            self.disk._await((request,), None)
            self.settle(request, buffer)
        self.flying = []

    def before_waiting(self) -> None:
        """Let the device answer."""

    @rule()
    def whole_content(self) -> None:
        self.wait_for_all()
        page = bytearray(SIZE)
        assert self.disk.read(page, 0).wait() == SIZE
        assert page == self.model

    @rule()
    def close_and_reopen(self) -> None:
        flying, self.flying = self.flying, []
        self.disk.close()
        for request, buffer in flying:
            assert request.done and request.error == 0
            self.settle(request, buffer)
        self.open()

    @invariant()
    def nothing_is_forgotten(self) -> None:
        vacant = self.disk.limit - len(self.disk._vacant)
        assert vacant == sum(not r.done for r, _ in self.flying)

    def teardown(self) -> None:
        if self.disk and not self.disk.closed:
            self.disk.close()


class FileAgainstModel(DiskAgainstModel):
    """On a file: what is closed is there when it is opened again."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "disk.img"
        self.path.write_bytes(bytes(SIZE))
        self.turn = 0
        super().__init__()

    def open(self) -> None:
        self.turn += 1
        assert self.path.read_bytes() == self.model
        kick = KICKS[self.turn % len(KICKS)]
        self.disk = blockif_ref.open(self.path, kick=kick, workers=self.turn % 9 or 1)

    def teardown(self) -> None:
        self.wait_for_all()
        super().teardown()
        assert self.path.read_bytes() == self.model
        self.folder.cleanup()


class StalledAgainstModel(DiskAgainstModel):
    """On a device that stops answering: cancels meet requests asleep."""

    turn = 0

    def open(self) -> None:
        StalledAgainstModel.turn += 1
        kick = ("handler-retry", "gate")[self.turn % 2]
        self.model = bytearray(SIZE)
        self.disk = blockif_ref.stalled(SIZE, kick=kick, workers=self.turn % 4 + 1)

    @rule()
    def hold(self) -> None:
        self.disk.hold()

    @rule()
    def release(self) -> None:
        self.disk.release()

    def before_waiting(self) -> None:
        self.disk.release()


TestFile = FileAgainstModel.TestCase
TestStalled = StalledAgainstModel.TestCase
TestFile.settings = TestStalled.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None
)
