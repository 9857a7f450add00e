#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Runs one tox environment, $NAME, in a checkout.
set -eu
python -m pip install --quiet 'tox>=4'
python -m tox run -e "$NAME"
