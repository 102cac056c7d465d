"""Machine code, just-in-time code and the naive schedule all give what the NumPy reference gives."""

from __future__ import annotations

import importlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from anylens.kernels import defects, demosaic_counts, highlights, local_tone, tone
from anylens.kernels.compile import jit
from anylens.kernels.library import LIBRARY, X86_FLAGS, supported_sets
from anylens.kernels.passes import joined, level, roots, steady
from tests.references.examples import SIZES, expected, inputs, modules, unset

ROOT = Path(__file__).parents[2]
KERNELS = [pytest.param(module, id=module.__name__.removeprefix("anylens.kernels.")) for module in modules()]

needs_library = pytest.mark.skipif(
    not LIBRARY.exists() or not supported_sets(), reason="no kernels are compiled for this machine"
)
needs_halide = pytest.mark.skipif(
    importlib.util.find_spec("halide") is None, reason="halide, which compiles just in time, is not installed"
)


def gap(got: tuple[np.ndarray, ...], wanted: tuple[np.ndarray, ...]) -> float:
    """The largest difference; 8-bit values count in 1/255, and what was never written counts as infinite."""
    worst = 0.0
    for mine, theirs in zip(got, wanted, strict=True):
        scale = 255.0 if theirs.dtype == np.uint8 else 1.0
        difference = np.abs(mine.astype(np.float64) - theirs.astype(np.float64)).max() / scale
        worst = max(worst, np.inf if np.isnan(difference) else float(difference))
    return worst


def allowed(module: ModuleType) -> float:
    """1e-5; one step where the output has steps of 1/255, or half floats above 1 and counted roots have.

    A quarter of such a step for curves that are meant for the eye, and what polynomials leave of powers; a dozen
    steps of the roots that are counted, where noise alone decides between directions; one such step where they are
    what comes out.
    """
    if any(image.type == "uint8" for image in module.SIGNATURE.outputs):
        return 1.0001 / 255.0
    coarse = {level: 3e-3, tone: 1e-3, local_tone: 3e-4, roots: 1.0}
    return (coarse | dict.fromkeys((demosaic_counts, steady, joined), 6e-3)).get(module, 1e-5)


def assert_equals_reference(module: ModuleType, run: Callable[..., object]) -> None:
    for height, width in SIZES:
        wanted = expected(module, height, width)
        outputs = unset(module, wanted)
        run(*inputs(module, height, width), out=outputs)
        assert gap(outputs, wanted) <= allowed(module), f"at {height} x {width}"


@needs_library
@pytest.mark.parametrize("white", [1.0, 8.0, 30.0, 100.0])
def test_counted_demosaicing_keeps_light_far_above_white_bright(white: float) -> None:
    mosaic = np.zeros((48, 64), np.float32)
    mosaic[:, 31:] = white
    (counted,), wanted = unset(demosaic_counts, (np.empty((3, 48, 64), np.float32),)), min(white, 31.0)
    demosaic_counts.kernel(mosaic, 0, 0, 0.01, out=counted)
    assert np.allclose(counted[:, :, 36:], wanted, rtol=0.02)
    assert counted.min() > -0.15 * wanted


@needs_library
@pytest.mark.parametrize("module", KERNELS)
def test_machine_code_is_the_reference(module: ModuleType) -> None:
    assert module.kernel.compiled or os.environ.get("ANYLENS_INSTRUCTIONS") == "reference"
    assert_equals_reference(module, module.kernel)


@needs_halide
@pytest.mark.parametrize("module", KERNELS)
def test_the_tuned_schedule_is_the_reference(module: ModuleType) -> None:
    assert_equals_reference(module, lambda *given, out: jit(module, *given, out=out))


@needs_halide
@pytest.mark.parametrize("module", KERNELS)
def test_the_naive_schedule_is_the_reference(module: ModuleType) -> None:
    assert_equals_reference(module, lambda *given, out: jit(module, *given, out=out, scheduled=False))


@needs_halide
def test_where_nothing_asks_for_mending_or_highlights_they_change_nothing() -> None:
    import halide as hl

    rng = np.random.default_rng(7)
    mosaic = (rng.random((64, 96)) * np.linspace(0.0, 1.2, 96) - 0.05).astype(np.float32)
    mosaic[::2, ::2] = np.linspace(0.1, 0.9, 48)
    mosaic[rng.random(mosaic.shape) < 0.02] = 2.0
    mosaic[rng.random(mosaic.shape) < 0.02] = 0.0
    seen = hl.BoundaryConditions.mirror_interior(hl.Buffer(mosaic))

    def made(func: hl.Func) -> np.ndarray:
        return np.array(func.realize([96, 64]))

    def table(*values: float) -> hl.Buffer:
        return hl.Buffer(np.array(values, np.float32).reshape(2, 2))

    for threshold in (0.3, 1.0, 6.0):
        mending = defects.algorithm(
            seen, table(1e-3, 2e-3, 2e-3, 1e-3), table(1e-5, 1e-6, 1e-6, 1e-9), hl.f32(threshold)
        )
        changed = made(mending.mended) != mosaic
        assert changed.any()
        assert not changed[made(mending.suspected) == 0].any()
    leaning = hl.Buffer(np.linspace(-0.2, 0.8, 8 * 3 * 4, dtype=np.float32).reshape(8, 3, 4))
    lean = hl.BoundaryConditions.repeat_edge(leaning)
    filling = highlights.algorithm(seen, table(0.9, 0.7, 0.7, 0.8), lean, hl.i32(0), hl.i32(1))
    changed = made(filling.filled) != mosaic
    assert changed.any()
    assert not changed[made(filling.bright) == 0].any()


@pytest.fixture(scope="module")
def outputs_of_sets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, np.ndarray]]:
    """What every instruction set of this machine makes of all examples, each in a process of its own."""
    kept = {}
    for instructions in (*supported_sets(), "reference"):
        path = tmp_path_factory.mktemp("outputs") / f"{instructions}.npz"
        environment = os.environ | {"ANYLENS_INSTRUCTIONS": instructions}
        command = [sys.executable, "-m", "tests.references.examples", str(path)]
        subprocess.run(command, cwd=ROOT, env=environment, check=True)
        with np.load(path) as arrays:
            kept[instructions] = dict(arrays)
    return kept


@needs_library
@pytest.mark.parametrize("instructions", [*X86_FLAGS, "neon"])
def test_instruction_sets_agree(
    instructions: str,
    outputs_of_sets: dict[str, dict[str, np.ndarray]],
    record_property: Callable[[str, object], None],
) -> None:
    if instructions not in outputs_of_sets:
        pytest.skip(f"this machine has no {instructions}")
    mine, reference = outputs_of_sets[instructions], outputs_of_sets["reference"]
    widest = outputs_of_sets[supported_sets()[0]]
    assert mine.keys() == reference.keys()
    for name, array in mine.items():
        limit = max(1.0001 / 255.0, allowed(importlib.import_module(name.split()[0])))
        assert gap((array,), (reference[name],)) <= limit, name
    equal = sum(np.array_equal(array, widest[name]) for name, array in mine.items())
    record_property("bit-equal to the widest set", f"{equal} of {len(mine)} outputs")
