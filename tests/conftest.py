# SPDX-License-Identifier: BSD-2-Clause
"""What all tests take for granted."""

import signal

# A run in the background inherits an ignored SIGINT, and so would whatever the tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
