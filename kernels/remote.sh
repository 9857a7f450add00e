# SPDX-License-Identifier: BSD-2-Clause
# What runs on another host: builds and runs the kit in a folder of its own and removes it.
#
# $1 is the size of the source that follows on standard input, the rest is the kit's command line.
# Standard output: "sigprobe-building", "sigprobe-running", then
# "sigprobe-result STATUS OUTSIZE ERRSIZE" and the bytes of the kit's output and errors.

# The end of standard input is the only sign that nobody waits any more: a session without a
# terminal gets no signal when its connection breaks. The group is the session's own (setsid in
# OpenSSH's do_exec_no_pty).
watch() {
    trap '' HUP INT TERM PIPE
    cat
    kill -TERM 0
    sleep 3
    rm -rf "$folder"
    kill -KILL 0
}

size() {
    echo $(($(wc -c <"$1")))
}

give() {
    echo "sigprobe-result $1 $(size "$2") $(size "$3")"
    cat "$2" "$3"
}

bytes=$1
shift
umask 077
folder=$(mktemp -d "${TMPDIR:-/tmp}/sigprobe.XXXXXX") || exit 3
trap 'rm -rf "$folder"' EXIT
trap 'exit 3' HUP INT TERM PIPE
TMPDIR=$folder
export TMPDIR
cd "$folder" || exit 3
head -c "$bytes" >sigprobe.c
[ "$(size sigprobe.c)" -eq "$bytes" ] || exit 3
# A command in the background reads nothing unless told to (POSIX, 2.9.3.1).
exec 3<&0
watch <&3 >/dev/null 2>&1 &
watcher=$!

echo sigprobe-building
: >none
if cc -pthread sigprobe.c -o sigprobe >log 2>&1 </dev/null; then
    echo sigprobe-running
    ./sigprobe "$@" >out 2>err </dev/null
    give $? out err
else
    give 3 none log
fi
kill -KILL "$watcher"
