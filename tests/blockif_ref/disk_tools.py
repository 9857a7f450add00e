# SPDX-License-Identifier: BSD-2-Clause
"""What a disk refuses, and with which errno."""

from collections.abc import Callable
from typing import Any

import pytest


def refused(code: int, what: Callable[..., object], *arguments: Any, **options: Any) -> str:
    with pytest.raises(OSError) as caught:
        what(*arguments, **options)
    assert caught.value.errno == code, caught.value
    return str(caught.value)
