"""How the property tests of this folder run: the same examples every time, none of them kept."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

REPEATABLE = settings(derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
