"""The library of kernels behaves: errors are exceptions, views are honoured, threads and forks work."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import anylens.kernels
from anylens.kernels import library, linearize
from anylens.kernels.compile import _fingerprint
from anylens.kernels.library import LIBRARY, Kernel, instruction_set, supported_sets
from anylens.kernels.signature import Image, Signature, symbol
from anylens.refusal import Refusal

FULL = linearize.example(np.random.default_rng(3), 40, 50)
OUT = np.zeros((40, 50), np.float32)


def linear() -> np.ndarray:
    return linearize.kernel(*FULL, out=np.empty((40, 50), np.float32))


def in_a_process(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], env=os.environ | environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("inputs", "out"),
    [
        ((FULL[0].astype(np.float32), *FULL[1:]), OUT),
        ((FULL[0][None], *FULL[1:]), OUT),
        ((FULL[0][:0], *FULL[1:]), OUT),
        ((list(FULL[0]), *FULL[1:]), OUT),
        (FULL[:-1], OUT),
        (FULL, OUT.astype(np.float64)),
        (FULL, OUT.T),
        (FULL, (OUT, OUT)),
        ((FULL[0], FULL[1][:, :20], *FULL[2:]), OUT),
        (FULL, np.empty((41, 50), np.float32)),
        (FULL, np.broadcast_to(np.float32(0), (40, 50))),
    ],
    ids=[
        "type",
        "axes",
        "empty",
        "list",
        "too few",
        "output type",
        "output layout",
        "too many outputs",
        "narrow table",
        "large output",
        "read-only output",
    ],
)
def test_arrays_that_do_not_fit_raise_and_the_process_lives(inputs: tuple[object, ...], out: object) -> None:
    with pytest.raises(ValueError, match=r"linearize|broadcast|shape"):
        linearize.kernel(*inputs, out=out)
    assert np.isfinite(linear()).all()


@pytest.mark.parametrize("view", [np.s_[3:43, 7:57], np.s_[2:82:2, 1:51], np.s_[::-1, ::-1], np.s_[5:45, 99:49:-1]])
def test_views_are_read_where_they_stand(view: tuple[slice, slice]) -> None:
    raw = np.random.default_rng(4).integers(0, 4096, (90, 110), dtype=np.uint16)[view]
    black, scale = [[60.0, 61.0], [62.0, 63.0]], 1 / 4000
    there = linearize.linearize(raw, black, scale)
    assert np.array_equal(there, linearize.linearize(raw.copy(), black, scale))


@pytest.mark.parametrize("order", ["C", "F"])
def test_one_pixel_wide_arrays_of_any_making_are_read_and_filled(order: str) -> None:
    raw = np.asarray(np.arange(9, dtype=np.uint16).reshape(9, 1), order=order)
    given = (raw, np.zeros((1, 1), np.float32), np.full((1, 1), 2.0, np.float32), np.zeros(9, np.float32), 1)
    column = np.empty((1, 9), np.float32).T
    assert np.array_equal(linearize.kernel(*given, out=column), 2 * raw)
    assert np.array_equal(linearize.kernel(*given, out=np.empty((9, 4), np.float32)[:, 1:2]), 2 * raw)


def test_a_read_only_input_at_an_odd_address_is_read() -> None:
    raw = np.frombuffer(b"\1" + bytes(range(200)) * 2, np.uint8, offset=1).view(np.uint16).reshape(10, 20)
    assert not raw.flags.writeable
    assert np.allclose(linearize.linearize(raw, 0.0, 1.0), raw)


def test_black_white_and_deltas_are_taken_as_the_dng_specification_says() -> None:
    raw = np.array([[100, 210, 100], [330, 440, 330]], np.uint16)
    linear = linearize.linearize(raw, [[0, 10], [30, 40]], [[0.01]], row_delta=[0, 100], column_delta=[0, 0, 50])
    assert np.allclose(linear, [[1.0, 2.0, 0.5], [2.0, 3.0, 1.5]])


def test_counts_below_black_stay_below_zero() -> None:
    assert linearize.linearize(np.full((2, 2), 90, np.uint16), 100.0, 0.01).max() == pytest.approx(-0.1)


def test_threads_call_at_once_and_get_their_own_results() -> None:
    raws = [np.full((200, 300), count, np.uint16) for count in range(32)]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda raw: linearize.linearize(raw, 0.0, 1.0), raws))
    for count, result in enumerate(results):
        assert np.all(result == count)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_child_computes() -> None:
    code = """
import os, sys, numpy as np
from anylens.kernels.linearize import linearize
raw = np.full((500, 500), 7, np.uint16)
assert np.all(linearize(raw, 0.0, 1.0) == 7)
child = os.fork()
if child == 0:
    os._exit(0 if np.all(linearize(raw, 0.0, 2.0) == 14) else 3)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    done = in_a_process(code)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("unknown", ["mmx", "AVX2", "neon" if "neon" not in supported_sets() else "avx2"])
def test_an_instruction_set_that_is_not_there_is_refused_in_one_sentence(unknown: str) -> None:
    code = """
from anylens.kernels.library import instruction_set
from anylens.refusal import Refusal
try:
    instruction_set()
except Refusal as refusal:
    print(refusal)
"""
    said = in_a_process(code, ANYLENS_INSTRUCTIONS=unknown).stdout
    assert said.count("\n") == 1
    assert unknown in said
    assert "reference" in said


def test_the_reference_can_be_forced() -> None:
    code = "from anylens.kernels.library import instruction_set as i; from anylens.kernels.linearize import kernel as k"
    assert (
        in_a_process(f"{code}; print(i(), k.compiled)", ANYLENS_INSTRUCTIONS="reference").stdout == "reference False\n"
    )


@pytest.mark.skipif(not LIBRARY.exists() or not supported_sets(), reason="no kernels are compiled for this machine")
def test_a_kernel_whose_signature_changed_since_it_was_compiled_runs_its_reference() -> None:
    if instruction_set() == "reference":
        pytest.skip("the reference is forced")
    newer = Signature(linearize.SIGNATURE.inputs, (Image("linear", "float32", 2, interleaved=False, edge="repeat"),))
    assert symbol("anylens.kernels.linearize", newer, "avx2") != symbol(
        "anylens.kernels.linearize", linearize.SIGNATURE, "avx2"
    )
    stale = Kernel("anylens.kernels.linearize", newer, linearize.reference)
    assert not stale.compiled
    assert np.allclose(stale(*FULL, out=np.empty((40, 50), np.float32)), linear(), atol=1e-6)


@pytest.mark.skipif(not LIBRARY.exists(), reason="no kernels are compiled here")
def test_a_library_of_other_sources_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not refused for sources that are newer but the same."""
    kernels = tmp_path / "kernels"
    shutil.copytree(LIBRARY.parent, kernels)
    loaded = ctypes.CDLL(str(LIBRARY))
    monkeypatch.setattr(library, "CHECKOUT", tmp_path)
    monkeypatch.setattr(library, "LIBRARY", kernels / LIBRARY.name)
    os.utime(library.LIBRARY, (0, 0))
    library._refuse_older(loaded)
    (kernels / "linearize.py").write_text("changed")
    with pytest.raises(Refusal, match="compile them again"):
        library._refuse_older(loaded)


@pytest.mark.skipif(importlib.util.find_spec("halide") is None, reason="halide, which compiles, is not installed")
@pytest.mark.parametrize(
    ("file", "old", "new", "again"),
    [
        ("across", '"""', '"""In other words: ', False),
        ("across", "import numpy as np\n", "import numpy as np  # the reference needs it\n", False),
        ("across", "def schedule(", "ROWS = 3\n\n\ndef schedule(", True),
        ("cubic", "def displaced(", "ROWS = 3\n\n\ndef displaced(", True),
        ("grey", "def schedule(", "ROWS = 3\n\n\ndef schedule(", False),
    ],
)
def test_a_kernel_is_compiled_again_for_its_code_and_not_for_words(
    file: str, old: str, new: str, again: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _fingerprint("anylens.kernels.across")
    for source in LIBRARY.parent.glob("*.py"):
        shutil.copy(source, tmp_path)
    edited = tmp_path / f"{file}.py"
    text = edited.read_text()
    assert old in text
    edited.write_text(text.replace(old, new, 1))
    monkeypatch.setattr(anylens.kernels, "__path__", [str(tmp_path)])
    assert (_fingerprint("anylens.kernels.across") != before) == again
