#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Builds and runs the kit inside a virtual machine, into results/NAME.json (see request.sh).
set -eu
{ read -r name && read -r trials && read -r pattern; } <request
libraries=
if [ "$(uname -s)" = SunOS ]; then
    libraries='-lsocket -lnsl'
fi
compiler=cc
command -v cc >/dev/null || compiler=gcc
# shellcheck disable=SC2086 # no word, or several
"$compiler" -pthread sigprobe.c -o sigprobe $libraries
mkdir -p results
./sigprobe run ${pattern:+"$pattern"} --trials "$trials" -o "results/$name.json" || [ $? -eq 1 ]
