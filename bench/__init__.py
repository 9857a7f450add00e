# SPDX-License-Identifier: BSD-2-Clause
"""How fast the engine is."""
