# SPDX-License-Identifier: BSD-2-Clause
"""The property tests of this folder: no verdict by clock here either."""

from hypothesis import HealthCheck, settings

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
