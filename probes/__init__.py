# SPDX-License-Identifier: BSD-2-Clause
"""What is asked of a kernel, and how it is measured."""
