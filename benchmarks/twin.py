"""The simulated camera: seconds a frame of light that is there, of its modes, still, held and dark; writing apart.

python -m benchmarks.twin; the light is even and made by hand, so no lens is in these figures.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from anylens.files import write
from anylens.frame import Facts, Frame
from anylens.sensor import Sensor
from anylens.twin.hand import tremor
from anylens.twin.light import Layer
from anylens.twin.silicon import Chip, Exposure, Silicon, silicon
from benchmarks.report import save, table

EXPOSURE_S, SCALE_MM, MARGIN_PX = 0.01, 52.0, 64
ROUNDS, LIVE_FRAMES = 5, 120


def even(sensor: Silicon, share_of_well: float) -> Any:
    """Light that fills so much of every well in one exposure."""
    sides = sensor.height_px + 2 * MARGIN_PX, sensor.width_px + 2 * MARGIN_PX
    rates = np.full((3, *sides), share_of_well * sensor.full_well_e / EXPOSURE_S, np.float32)
    return SimpleNamespace(
        layers=(Layer(rates, 1, 1, sides),),
        margin_px=MARGIN_PX,
        pitch_um=sensor.pitch_um,
        chief_ray_deg=lambda places: np.zeros(places.shape[:-1]),
        flicker=None,
    )


def frames(sensor: Silicon, share: float, held: bool, rounds: int, quick: bool = False) -> tuple[float, float]:
    """Median wall and processor seconds of a frame after the first."""
    chip, light = Chip(sensor), even(sensor, share)
    hand = tremor(1) if held else None
    wall, processor = [], []
    for index in range(rounds + 1):
        begin, used = time.perf_counter(), time.process_time()
        chip.expose(
            light, Exposure(EXPOSURE_S, hand=hand, scale_mm=SCALE_MM, start_s=0.0167 * index, index=index, quick=quick)
        )
        wall.append(time.perf_counter() - begin)
        processor.append(time.process_time() - used)
    return statistics.median(wall[1:]), statistics.median(processor[1:])


def writing(sensor: Silicon) -> float:
    """Median seconds of writing one frame as DNG, until it is on the disk."""
    raw = Chip(sensor).expose(even(sensor, 0.3), Exposure(EXPOSURE_S)).raw
    height, width = raw.shape
    facts = Facts.whole(Sensor("twin", width, height, sensor.cfa, ((sensor.black,),), (float(sensor.white),)))
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(ROUNDS):
            begin = time.perf_counter()
            write(Frame(raw, facts), Path(folder) / "a.dng")
            found.append(time.perf_counter() - begin)
    return statistics.median(found)


def main() -> None:
    """Measure, print, keep."""
    whole = silicon("imx989_12mp_binned")
    cases = {
        "12.5 MP, tripod": (whole, 0.3, False, ROUNDS, False),
        "12.5 MP, tremor at 1/100 s": (whole, 0.3, True, ROUNDS, False),
        "12.5 MP, tripod, 10 electrons": (whole, 10.0 / whole.full_well_e, False, ROUNDS, False),
        "50 MP, tripod": (silicon("imx989_50mp"), 0.3, False, 2, False),
        "live 1280 x 720, tripod": (whole.joined(3, 1280, 720), 0.3, False, LIVE_FRAMES, True),
        "live 1280 x 720, tremor": (whole.joined(3, 1280, 720), 0.3, True, LIVE_FRAMES, True),
    }
    found = {name: frames(*case) for name, case in cases.items()}
    on_disk = writing(whole)
    rows = [(name, f"{1e3 * wall:.1f}", f"{1e3 * used:.1f}", f"{1 / wall:.1f}") for name, (wall, used) in found.items()]
    rows.append(("12.5 MP, writing the DNG", f"{1e3 * on_disk:.1f}", "", f"{1 / on_disk:.1f}"))
    table("One frame of the twin", ("", "ms", "processor ms", "a second"), rows)
    save("twin", {"frame_s": {name: wall for name, (wall, _) in found.items()}, "writing_s": on_disk}, {})


if __name__ == "__main__":
    main()
