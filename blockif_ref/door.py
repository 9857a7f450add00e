# SPDX-License-Identifier: BSD-2-Clause
"""The only door to the block layer's C: ctypes twins of blockif.h and basket.h.

tests/blockif_ref/test_twins_blockif.py holds every structure here against the C compiler's.
"""

from __future__ import annotations

import ctypes
import functools
import struct
from ctypes import (
    POINTER,
    Structure,
    c_bool,
    c_char_p,
    c_int,
    c_int32,
    c_size_t,
    c_ssize_t,
    c_uint64,
    c_void_p,
)
from pathlib import Path
from typing import Any

from probes import build, cases

ROOTS = (cases.PROBES, Path(__file__).parent)

# struct basket_order and struct basket_answer, packed and unpacked without an object for each.
ORDER = struct.Struct("@iiPqQ")
ANSWER = struct.Struct("@iiQ")


class Options(Structure):
    """struct blockif_options: how a disk is opened; zeros are the defaults."""

    _fields_ = [
        ("kick", c_char_p),
        ("workers", c_int32),
        ("sector", c_int32),
        ("physical", c_int32),
        ("read_only", c_bool),
        ("direct", c_bool),
        ("sync", c_bool),
        ("no_delete", c_bool),
    ]


class About(Structure):
    """struct blockif_about: what an open disk is like."""

    _fields_ = [
        ("size", c_uint64),
        ("sector", c_int32),
        ("physical", c_int32),
        ("workers", c_int32),
        ("limit", c_int32),
        ("read_only", c_bool),
        ("can_delete", c_bool),
    ]


class Job(Structure):
    """struct bench_job: a load for the benchmark."""

    _fields_ = [
        ("operation", c_int32),
        ("random", c_int32),
        ("depth", c_int32),
        ("bytes", c_int32),
        ("requests", c_uint64),
        ("seed", c_uint64),
    ]


class Load(Structure):
    """struct bench_load: what the benchmark found."""

    _fields_ = [("requests", c_uint64), ("nanoseconds", c_uint64), ("errors", c_uint64)]


class View(Structure):
    """Py_buffer of the C API: memory of an object, pinned until released."""

    _fields_ = [
        ("buf", c_void_p),
        ("obj", c_void_p),
        ("len", c_ssize_t),
        ("itemsize", c_ssize_t),
        ("readonly", c_int),
        ("ndim", c_int),
        ("format", c_char_p),
        ("shape", c_void_p),
        ("strides", c_void_p),
        ("suboffsets", c_void_p),
        ("internal", c_void_p),
    ]


WRITABLE = 1  # PyBUF_WRITABLE; 0 is PyBUF_SIMPLE: any contiguous bytes

# Function -> its result and arguments, as the headers declare them.
PROTOTYPES: dict[str, tuple[Any, list[Any]]] = {
    "blockif_open": (c_int, [POINTER(c_void_p), c_char_p, POINTER(Options)]),
    "blockif_open_device": (c_int, [POINTER(c_void_p), c_void_p, POINTER(Options), c_void_p]),
    "blockif_about": (None, [c_void_p, POINTER(About)]),
    "blockif_close": (c_int, [POINTER(c_void_p)]),
    "blockif_kicks": (c_uint64, [c_void_p]),
    "device_stalled_open": (c_int, [POINTER(c_void_p), c_uint64, c_int, c_void_p]),
    "device_stalled_hold": (None, [c_void_p, c_bool]),
    "basket_open": (c_int, [POINTER(c_void_p), c_void_p]),
    "basket_close": (None, [c_void_p]),
    "basket_submit": (c_int, [c_void_p, c_void_p, c_size_t, POINTER(c_int32)]),
    "basket_collect": (None, [c_void_p, c_void_p, c_size_t, c_int, POINTER(c_size_t)]),
    "basket_cancel": (c_int, [c_void_p, c_int32]),
    "basket_descriptor": (c_int, [c_void_p]),
    "bench_run": (c_int, [c_void_p, POINTER(Job), POINTER(Load)]),
    "sp_now": (c_uint64, []),
}

get_buffer = ctypes.pythonapi.PyObject_GetBuffer
get_buffer.argtypes, get_buffer.restype = [ctypes.py_object, c_void_p, c_int], c_int
release_buffer = ctypes.pythonapi.PyBuffer_Release
release_buffer.argtypes, release_buffer.restype = [c_void_p], None


@functools.cache
def library() -> Any:
    """Return the loaded engine with the block layer in it; Fault (3) when it cannot be built."""
    loaded = ctypes.CDLL(str(build.library(ROOTS)))
    for name, (result, arguments) in PROTOTYPES.items():
        function = getattr(loaded, name)
        function.restype, function.argtypes = result, arguments
    return loaded
