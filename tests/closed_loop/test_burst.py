"""A telescope's real frames, drifting field and all: merging takes the noise and leaves the stars as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anylens.darkroom.stages import Merge
from anylens.files.burst import read_burst
from anylens.files.folder import raws_in
from anylens.frame import Burst
from tests.stars import sky, stars, widths

M94 = Path(__file__).parents[3] / "shared" / "data" / "burst_m94"


@pytest.mark.skipif(not M94.is_dir(), reason="the telescope's frames lie beside the checkout only")
def test_the_noise_of_real_frames_falls_as_their_number_says() -> None:
    burst = read_burst(raws_in(M94))
    one = Merge()(Burst((burst.frames[0],))).pixels
    merged = Merge(reference=1)(burst)
    count = len(burst.frames)
    assert any(note.startswith(f"{count} frames were merged") for note in merged.facts.notes)
    for y, x in ((0, 0), (0, 1), (1, 0), (1, 1)):
        before, after = (sky(each[y::2, x::2]) for each in (one, merged.pixels))
        assert before.deviation / after.deviation > 0.9 * np.sqrt(count)
        assert max(abs(after.across), abs(after.down)) < 0.12, "the noise stays white: nothing was blurred for it"
    greens = [(each[0::2, 0::2] + each[1::2, 1::2]) / 2 for each in (one, merged.pixels)]
    places = stars(greens[0])
    assert len(places) >= 10
    ratios = widths(greens[1], places) / widths(greens[0], places)
    assert 0.95 < np.median(ratios) < 1.05, "stars are as wide as the reference's"
