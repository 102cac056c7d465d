"""What must be said before NumPy is loaded."""

from __future__ import annotations

import os

# Many small systems of equations: BLAS threads that wait for each other on a busy machine take minutes for seconds.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
