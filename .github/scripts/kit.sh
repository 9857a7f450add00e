#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Makes the kit, sigprobe.c, for the systems that are measured without Python.
set -eu
python -m pip install --quiet .
sigprobe kit -o sigprobe.c
