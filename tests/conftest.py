"""What holds for all tests: one thread of BLAS, said before NumPy is loaded, and no timing that decides one."""

from __future__ import annotations

import os

# Many small systems of equations: BLAS threads that wait for each other on a busy machine take minutes for seconds.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from hypothesis import HealthCheck, settings

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
