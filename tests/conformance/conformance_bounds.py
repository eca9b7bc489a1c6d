"""How the property tests of this folder run: as long as it takes, with the examples that the run has chosen."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

UNHURRIED = settings(deadline=None, suppress_health_check=list(HealthCheck))
