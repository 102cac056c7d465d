"""What only compiled kernels do is tested where there are any; one that is out of date fails, it is not passed over."""

import pytest

from anylens.kernels.library import instruction_set

needs_kernels = pytest.mark.skipif(instruction_set() == "reference", reason="no kernels are compiled for this machine")
