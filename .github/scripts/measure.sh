#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Measures this runner with the Python side into results/$NAME.json; $TRIALS a case, and only the
# cases that match $PATTERN unless it is empty.
set -eu
python -m pip install --quiet .
mkdir -p results
# Status 1 is a finding: the report tells of it, with those of the other systems.
sigprobe run ${PATTERN:+"$PATTERN"} --trials "$TRIALS" -o "results/$NAME.json" || [ $? -eq 1 ]
