"""Memory that was given back stays with the process once it was told so."""

import platform
import subprocess
import sys

import pytest

PAGES = """
import resource
import numpy as np
from anylens.kernels.library import share_memory
share_memory()
def touched():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones((16, 1 << 17))  # 16 MiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(touched(), touched())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other libraries have no such options")
def test_memory_that_was_given_back_is_not_found_anew() -> None:
    said = subprocess.run([sys.executable, "-c", PAGES], capture_output=True, text=True, check=True).stdout
    first, again = map(int, said.split())
    assert again < 0.1 * first
