# SPDX-License-Identifier: BSD-2-Clause
"""Results in, something to read or to attach out; nothing here measures."""
