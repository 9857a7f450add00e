# SPDX-License-Identifier: BSD-2-Clause
"""What all tests take for granted."""

import os
import signal
from pathlib import Path

import pytest

# A run in the background inherits an ignored SIGINT, and so would whatever the tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """The image of a disk: 64 blocks of 4,096 random bytes."""
    path = tmp_path / "disk.img"
    path.write_bytes(os.urandom(64 * 4096))
    return path
