# SPDX-License-Identifier: BSD-2-Clause
"""The reference port: a block layer whose requests can be cancelled."""
