#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Puts all results side by side: a page, the job's summary, and a remark on each finding. Fails
# when there is a finding, after everything has been written.
set -eu
python -m pip install --quiet .
finding=0
sigprobe report results --format html -o report.html || finding=$?
sigprobe report results --format markdown >>"$GITHUB_STEP_SUMMARY" || finding=$?
sigprobe report results --format github || finding=$?
exit "$finding"
