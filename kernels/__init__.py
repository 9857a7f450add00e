# SPDX-License-Identifier: BSD-2-Clause
"""Other kernels, reached from this machine: here under emulation, elsewhere through ssh.

One small file a way of starting a kernel, behind one table (table.py). Everything here takes the
kit as a file and a command line, and gives back what it printed; it knows nothing of what the kit
measures.
"""
