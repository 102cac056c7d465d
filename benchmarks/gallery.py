"""Contact sheets of real raws beside the peers: python -m benchmarks.gallery [NAME ...] [--out FOLDER].

Every raw is developed by anylens with its default recipe, by LibRaw (rawpy: AHD, the camera's white balance) and by
RawTherapee with its default profile where that is installed. A sheet shows the whole pictures side by side, then the
places that matter pixel by pixel. Bare mosaics go to the peers as plain DNG with the levels, neutral and matrix of
their sensor file. Only pictures of raws whose licence allows it go into docs/gallery.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

import anylens
from anylens.files.bands import upright
from benchmarks.negatives import write_dng
from benchmarks.report import ROOT

Bytes = npt.NDArray[np.uint8]

RAWS = ROOT.parent / "shared" / "data" / "raw"
KEPT = ROOT / "docs" / "gallery"
WHOLE_PX, CROP_TALL_PX, LINE_PX, GAP_PX, STRAY_PX = 480, 300, 22, 4, 32
QUALITIES, LARGEST_BYTES = (84, 78, 72, 66, 60), 480_000


class Plate(NamedTuple):
    """A raw, and where to look at it: centres of crops as parts of the upright picture's width and height."""

    file: str
    places: dict[str, tuple[float, float]]
    sensor: str | None = None
    kept: bool = True


PLATES = {
    "mural": Plate(
        "GoPro_Hero6_GOPR0024.dng",
        {"painted wall in the shade": (0.5, 0.5), "clipped clouds": (0.6, 0.08), "dark plants": (0.75, 0.6)},
    ),
    "sun": Plate(
        "GoPro_Fusion_GPFR7066.dng",
        {"clouds at the rim": (0.09, 0.24), "sunlit wall, leaves": (0.68, 0.42), "dark room": (0.25, 0.5)},
    ),
    "dog": Plate(
        "halide_bayer_raw_2592x1968_GRBG_10bit.png",
        {"fur": (0.45, 0.52), "eye, clipped fur": (0.55, 0.23), "grass": (0.85, 0.4)},
        "halide-bayer-10bit",
    ),
    "chart": Plate(
        "openISP_chart_1920x1080_RGGB_u16le.raw",
        {"colours, fine rings": (0.53, 0.42), "clipped whites": (0.45, 0.16), "dark patches": (0.3, 0.8)},
        "openisp-chart-10bit",
    ),
    "rose": Plate(
        "nikon_DSC_1339_768x512_RGGB_u16le_badpixels.raw",
        {"petals, planted defects": (0.4, 0.5), "light through petals": (0.7, 0.5)},
        "nikon-rose-14bit",
    ),
    "lossy": Plate("canon_eos_6d_lossy_linear.dng", {"screen": (0.4, 0.3), "dark table": (0.6, 0.8)}, kept=False),
}
"""The last is under a licence that its pictures would carry into this project: it is looked at elsewhere."""


def ours(plate: Plate) -> Bytes:
    """anylens with its default recipe, upright."""
    photo = anylens.develop(anylens.read(RAWS / plate.file, sensor=plate.sensor), bits=8)
    return np.ascontiguousarray(upright(photo.pixels, photo.facts.orientation).transpose(1, 2, 0))


def libraw(source: Path) -> Bytes:
    """LibRaw's AHD with the camera's white balance and its own automatic brightness."""
    import rawpy

    with rawpy.imread(str(source)) as raw:
        return np.asarray(raw.postprocess(demosaic_algorithm=rawpy.DemosaicAlgorithm.AHD, use_camera_wb=True))


def rawtherapee(source: Path) -> Bytes:
    """RawTherapee with its default profile, its settings in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "photo.tif")
        subprocess.run(
            ["rawtherapee-cli", "-d", "-t", "-b8", "-Y", "-o", str(out), "-c", str(source)],
            check=True,
            capture_output=True,
            env={"PATH": "/usr/bin:/bin", "HOME": folder},
            timeout=600,
        )
        return _read(out)


def peers() -> dict[str, Callable[[Path], Bytes]]:
    """Everybody else who is installed."""
    found: dict[str, Callable[[Path], Bytes]] = {"rawpy (LibRaw AHD)": libraw}
    if shutil.which("rawtherapee-cli"):
        found["RawTherapee default"] = rawtherapee
    else:
        print("RawTherapee: absent", file=sys.stderr)
    return found


def negative(plate: Plate, folder: Path) -> Path:
    """The file that the peers get: the raw itself, or a DNG of a bare mosaic, cut to begin with a red site."""
    if plate.sensor is None:
        return RAWS / plate.file
    frame = anylens.read(RAWS / plate.file, sensor=plate.sensor)
    assert isinstance(frame, anylens.Frame)
    sensor = frame.facts.sensor
    top, left = divmod("".join("".join(row) for row in sensor.cfa).index("R"), 2)
    raw = frame.raw[top:, left:]
    white = round(max(sensor.white))
    path = folder / f"{Path(plate.file).stem}.dng"
    write_dng(
        path,
        np.ascontiguousarray(np.minimum(raw[: len(raw) // 2 * 2, : raw.shape[1] // 2 * 2], white)),
        black=round(float(np.ravel(sensor.black)[0])),
        white=white,
        neutral=frame.facts.as_shot_neutral or (1.0, 1.0, 1.0),
        matrices=[(c.illuminant, np.ravel(c.color_matrix).tolist()) for c in sensor.calibrations[:2]],
    )
    return path


def _read(path: Path) -> Bytes:
    import imagecodecs

    return np.ascontiguousarray(np.asarray(imagecodecs.imread(path))[..., :3])


def as_ours(picture: Bytes, own: Bytes) -> Bytes:
    """A peer's picture turned or mirrored as ours lies: the turn in which both, seen small, agree best."""
    import cv2

    def small(of: Bytes) -> npt.NDArray[np.float64]:
        seen = cv2.resize(cv2.cvtColor(of, cv2.COLOR_RGB2GRAY), (64, 64), interpolation=cv2.INTER_AREA)
        return np.asarray(seen, np.float64) - seen.mean()

    turned = [np.rot90(flipped, k) for flipped in (picture, picture[:, ::-1]) for k in range(4)]
    fitting = [one for one in turned if (one.shape[0] > one.shape[1]) == (own.shape[0] > own.shape[1])]
    return np.ascontiguousarray(
        max(fitting, key=lambda one: float((small(np.ascontiguousarray(one)) * small(own)).sum()))
    )


def cut(picture: Bytes, own: Bytes, place: tuple[float, float], shape: tuple[int, int]) -> Bytes:
    """What of a picture lies where ours has `place`, found again within a few pixels; programs cut borders unlike."""
    import cv2

    tall, wide = shape
    top, left = (
        min(max(round(part * length) - side // 2, 0), length - side)
        for part, length, side in zip(place[::-1], own.shape[:2], shape, strict=True)
    )
    wanted = own[top : top + tall, left : left + wide]
    if picture is own:
        return wanted
    away = [(a - b) // 2 for a, b in zip(picture.shape[:2], own.shape[:2], strict=True)]
    first = [max(at + off - STRAY_PX, 0) for at, off in zip((top, left), away, strict=True)]
    around = picture[first[0] : first[0] + tall + 2 * STRAY_PX, first[1] : first[1] + wide + 2 * STRAY_PX]
    match = cv2.matchTemplate(_edges(around), _edges(wanted), cv2.TM_CCOEFF_NORMED)
    down, right = np.unravel_index(int(match.argmax()), match.shape)
    return around[down : down + tall, right : right + wide]


def _edges(picture: Bytes) -> npt.NDArray[np.float32]:
    import cv2

    grey = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (0, 0), 2.0).astype(np.float32)
    return np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)).astype(np.float32)


def labelled(pictures: dict[str, Bytes]) -> Bytes:
    """Whole pictures side by side, each under its name, WHOLE_PX wide or less."""
    import cv2

    first = next(iter(pictures.values()))
    wide = min(WHOLE_PX, first.shape[1])
    tall = round(first.shape[0] * wide / first.shape[1])
    small = [cv2.resize(one, (wide, tall), interpolation=cv2.INTER_AREA) for one in pictures.values()]
    return np.concatenate([_titles(list(pictures), wide), _line(small)])


def sheet(pictures: dict[str, Bytes], places: dict[str, tuple[float, float]]) -> Bytes:
    """Columns of developers: the whole pictures, then the places pixel by pixel, every row under its name."""
    own = next(iter(pictures.values()))
    wide = min(WHOLE_PX, own.shape[1])
    shape = min(CROP_TALL_PX, own.shape[0]), wide
    rows = [labelled(pictures)]
    for name, place in places.items():
        rows += [_titles([f"{name}, 1:1"] + [""] * (len(pictures) - 1), wide)]
        rows += [_line([cut(one, own, place, shape) for one in pictures.values()])]
    widest = max(row.shape[1] for row in rows)
    return np.concatenate([np.pad(row, ((0, GAP_PX), (0, widest - row.shape[1]), (0, 0))) for row in rows])


def _line(pictures: list[Bytes]) -> Bytes:
    return np.concatenate([np.pad(one, ((0, 0), (0, GAP_PX), (0, 0))) for one in pictures], 1)


def _titles(names: list[str], width: int) -> Bytes:
    import cv2

    line = np.zeros((LINE_PX, (width + GAP_PX) * len(names), 3), np.uint8)
    for at, name in enumerate(names):
        place = (at * (width + GAP_PX) + 6, LINE_PX - 7)
        cv2.putText(line, name, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (230, 230, 230), 1, cv2.LINE_AA)
    return line


def developed(plate: Plate) -> dict[str, Bytes]:
    """Everybody's picture of a plate, lying as ours; who cannot read it is named and left out."""
    pictures = {"anylens": ours(plate)}
    with tempfile.TemporaryDirectory() as folder:
        source = negative(plate, Path(folder))
        for name, develop in peers().items():
            try:
                pictures[name] = as_ours(develop(source), pictures["anylens"])
            except Exception as error:
                print(f"{name} cannot develop {plate.file}: {error}", file=sys.stderr)
    return pictures


def main(arguments: list[str] | None = None) -> None:
    """Lay the sheets; keep those whose licence allows it in docs/gallery unless another folder is named."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gallery", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(PLATES)}")
    parser.add_argument("--out", type=Path, help="another folder than docs/gallery; sheets of every licence go there")
    chosen = parser.parse_args(arguments)
    import imagecodecs

    for name in chosen.names or PLATES:
        plate = PLATES[name]
        if not (RAWS / plate.file).exists():
            print(f"{plate.file} is not beside the checkout", file=sys.stderr)
            continue
        if not plate.kept and chosen.out is None:
            continue
        out: Any = (chosen.out or KEPT) / f"{name}.jpg"
        out.parent.mkdir(parents=True, exist_ok=True)
        page = sheet(developed(plate), plate.places)
        encoded = (imagecodecs.jpeg8_encode(page, level=level) for level in QUALITIES)
        out.write_bytes(next(one for one in encoded if len(one) < LARGEST_BYTES))
        print(f"{out} {out.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
