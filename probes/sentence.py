# SPDX-License-Identifier: BSD-2-Clause
"""A case in a sentence, for people who do not read ids."""

from __future__ import annotations

from probes.cases import Case, PortCase

TIMINGS = {
    "asleep": "While a thread is asleep in {call}",
    "before": "Before a thread enters {call}",
    "sweep": "At offsets around the moment at which a thread enters {call}",
}
SENDERS = {
    "pthread_kill": "another thread sends it {signal} with pthread_kill",
    "pthread_sigqueue": "another thread sends it {signal} and a value with pthread_sigqueue",
    "kill": "another thread sends the process {signal} with kill",
    "sigqueue": "another thread sends the process {signal} and a value with sigqueue",
    "raise": "it raises {signal} itself",
}
DISPOSITIONS = {
    "default": "whose disposition is the default",
    "ignore": "which the process ignores",
    "handler": "for which the process has a handler without SA_RESTART",
    "handler-restart": "for which the process has a handler with SA_RESTART",
}
MASKS = {
    "open": "That thread and a bystander may take the signal, all others block it.",
    "open-all": "Every thread may take the signal, the sender included.",
    "blocked": "Every thread blocks the signal.",
}
SCENARIOS = {
    "pending": "is cancelled while it is still queued",
    "asleep": "is cancelled while its worker sleeps in the I/O",
    "before": "is cancelled when its worker has claimed it and not yet entered the I/O",
    "finished": "is cancelled after it has completed",
    "storm": "and many others are cancelled all at once",
    "port-stop": "is one of 32 in flight when the AHCI port is stopped",
    "close": "is in flight when the disk is closed",
    "slow-trim": "takes so long that the guest resets the port",
}


def sentence(case: Case | PortCase, call: str | None = None, watcher: str | None = None) -> str:
    """Say what happens in a case; `call` and `watcher` are phrases that say what theirs do."""
    if isinstance(case, PortCase):
        return (
            f"In the reference port, a {case.operation} on the {case.backend} backend "
            f"{SCENARIOS.get(case.scenario, case.scenario)}; the kick is {case.kick}."
        )
    asleep = TIMINGS[case.timing].format(call=_with(case.call, call))
    sent = SENDERS[case.sender].format(signal=case.signal)
    watched = f"A third thread waits for it: {_with(case.watcher, watcher)}."
    return (
        f"{asleep}, {sent}, {DISPOSITIONS[case.disposition]}. {MASKS[case.mask]} "
        f"{watched if case.watcher != 'none' else 'Nobody waits for it.'}"
    )


def _with(name: str, purpose: str | None) -> str:
    return f"{name} ({purpose})" if purpose else name
