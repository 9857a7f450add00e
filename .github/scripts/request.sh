#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Writes what vm.sh is to do into the file `request`, a line each: the folder that goes into a
# virtual machine reaches all of them alike, and the environment does not.
set -eu
printf '%s\n' "$NAME" "$TRIALS" "$PATTERN" >request
