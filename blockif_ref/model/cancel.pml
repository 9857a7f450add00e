/* SPDX-License-Identifier: BSD-2-Clause */
/* The cancel protocol, one request, one worker, one canceller, for every kick and scenario at once.
 *
 * A kernel is four words, given with -D from kernels.toml:
 *   SEES_IGNORED  1: a third thread's kqueue sees an ignored SIGCONT that was sent to one thread
 *   CAUGHT_CONT   where a caught SIGCONT that was sent to one thread runs its handler:
 *                 TO_TARGET, TO_ALL (every thread), TO_ANY (the process picks one)
 * The verifier visits every interleaving; each end prints kick, scenario and outcome. The device is
 * released when nothing else can move (timeout), or when a polling cancel has kicked in vain; if the
 * canceller is then still not back when nothing can move, it hangs. */

#define TO_TARGET 0
#define TO_ALL 1
#define TO_ANY 2

#define VAIN 3 /* kicks in vain after which a polling cancel is believed never to end by itself */

/* Kicks, scenarios and outcomes are printed as numbers: their order is that of predict.py. */
#define wait_ 0
#define evfilt_signal 1
#define signalfd_ 2
#define handler 3
#define handler_usr1 4
#define handler_retry 5
#define gate_ 6
#define io_uring 7

#define unset 0
#define pending 1
#define asleep 2
#define before 3
#define finished 4
#define storm 5
#define close_ 6

#define cancelled_ 0
#define completed_ 1
#define waited_ 2
#define hung_ 3
#define lost_ 4

mtype = { queued, claimed, checked, incall, ended };
mtype = { none, good, interrupted };

byte kick, scenario, outcome;
mtype state = queued;
mtype result = none;
bool cancelled, posted, handled, ring_cancel, interrupt;
bool landed, acknowledged, vain, released, stuck, hung, returned, taken_back, unknown;
byte kicks;

/* ---- the kernel: a signal sent to the worker, or its handler run where the kernel puts it */

inline run_handler_in_worker() {
    handled = true;
    if
    :: state == incall -> interrupt = true
    :: else -> skip /* it ran in user mode: nothing is remembered */
    fi
}

inline deliver() {
    kicks = (kicks < VAIN -> kicks + 1 : kicks);
    if
    :: kick == evfilt_signal -> acknowledged = SEES_IGNORED
    :: kick == signalfd_ -> skip /* stays pending for the worker, where no other thread reads it */
    :: kick == gate_ -> posted = true
    :: kick == io_uring -> ring_cancel = (state == incall)
    :: kick == handler && CAUGHT_CONT == TO_ANY ->
        if
        :: run_handler_in_worker()
        :: handled = true /* in another thread */
        fi
    :: else -> run_handler_in_worker()
    fi
}

/* ---- the worker */

active proctype worker() {
    (scenario != unset);
    (scenario != pending || returned);
    if
    :: taken_back -> goto done
    :: else
    fi;
    atomic {
        if
        :: taken_back -> goto done
        :: else -> state = claimed
        fi
    }
again:
    atomic {
        if
        :: cancelled -> result = interrupted; goto out
        :: else -> state = checked
        fi
    }
    (scenario != before || landed);
    atomic {
        interrupt = false;
        if
        :: kick == gate_ && posted -> posted = false; result = interrupted; goto out
        :: kick == io_uring && cancelled -> result = interrupted; goto out
        :: else -> state = incall
        fi
    }
    atomic {
        if
        :: interrupt -> result = interrupted
        :: kick == gate_ && posted -> posted = false; result = interrupted
        :: ring_cancel -> result = interrupted
        :: released -> result = good
        fi;
        state = claimed
    }
    if
    :: result == interrupted && !cancelled -> goto again
    :: else
    fi;
out:
    state = ended;
done:
    skip
}

/* ---- the canceller */

inline await_end() {
    landed = true;
    (state == ended)
}

active proctype canceller() {
    (scenario != unset);
    (scenario != asleep || state == incall);
    (scenario != before || state == checked);
    (scenario != finished || state == ended);
    if
    :: scenario == close_ -> (state == ended); goto back
    :: else
    fi;
    atomic {
        if
        :: state == queued -> taken_back = true; goto back
        :: state == ended -> unknown = true; goto back
        :: else -> cancelled = true
        fi
    }
    if
    :: kick == wait_ -> await_end()
    :: kick == evfilt_signal || kick == signalfd_ ->
        do
        :: state != ended ->
            acknowledged = false;
            deliver();
            landed = true;
            vain = (kicks >= VAIN);
            (acknowledged)
        :: else -> break
        od
    :: kick == handler_retry ->
        do
        :: state != ended -> deliver(); landed = true
        :: else -> break
        od
    :: else -> deliver(); await_end()
    fi;
back:
    returned = true
}

/* ---- the device, and who looks on */

active proctype device() {
    atomic {
        if
        :: kick = wait_
        :: kick = evfilt_signal
        :: kick = signalfd_
        :: kick = handler
        :: kick = handler_usr1
        :: kick = handler_retry
        :: kick = gate_
        :: kick = io_uring
        fi;
        if
        :: scenario = pending
        :: scenario = asleep
        :: scenario = before
        :: scenario = finished; released = true
        :: scenario = storm
        :: scenario = close_
        fi
    }
    do
    :: returned -> break
    :: vain && !released -> released = true; stuck = true
    :: timeout ->
        if
        :: !released -> released = true; stuck = true
        :: else -> hung = true; break
        fi
    od;
    (hung || taken_back || state == ended);
    if
    :: hung -> outcome = hung_
    :: !hung && (taken_back || result == interrupted) -> outcome = cancelled_
    :: !hung && unknown -> outcome = completed_
    :: !hung && !unknown && result == good && stuck && handled -> outcome = lost_
    :: !hung && !unknown && result == good && !(stuck && handled) -> outcome = waited_
    fi;
    c_code { printf("%d %d %d\n", now.kick, now.scenario, now.outcome); }
}
