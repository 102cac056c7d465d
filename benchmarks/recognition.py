"""Whose lens took these pictures? Tables of how often `lens identify` is right: python -m benchmarks.recognition.

Simulated. Each lens is a design of the twin's; where it draws red and blue against green at an edge follows from its
transfer functions at seven wavelengths (so coma and spherochromatism are in it, and it changes with the aperture), its
falloff from traced pupils, its distortion from traced rays. Photographs and street fronts are drawn through that, under
a Bayer filter and with noise. Passports have lateral colour from three pictures of scenes of their own at each of some
apertures, and distortion as a chart tells it; judged are other scenes and other noise, the aperture told or not, each
picture by itself, all of one lens together, and each with its focal length known to 4 %, as a second picture that
overlaps it tells (that figure is added, not measured here). Judged streets are drawn through the lens's own focal
length, so that their perspective tells it. The figures in lab/recognition.py rest on fifteen designs and five scenes
(street3, street5, street6, street8, leaves) that are not among the judged; FRESH are scenes that nothing at all was
chosen on. Of photographs the straight things do not count, since their own lens bent them. `--folder` keeps what was
measured; without it a run takes twenty minutes of two cores.
"""

from __future__ import annotations

import argparse
import pickle
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import product
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from anylens.body import Body
from anylens.frame import Facts, Frame
from anylens.lab.figure import Figure
from anylens.lab.fringes import radial_shift
from anylens.lab.recognition import UNKNOWN, Seen, recognise
from anylens.lab.specimen import of_image
from anylens.lab.straight import Straight
from anylens.lab.traits import Looked, Traits, look, traits
from anylens.lens import Lens, Passport
from anylens.lens.passport import Geometry, Lateral
from anylens.sensor import Noise, Sensor
from benchmarks.pictures import PHOTOGRAPHS
from benchmarks.report import save, table, versions
from tests.sections import section

Array = npt.NDArray[Any]

WIDTH, HEIGHT, PITCH_UM, WHITE, FULL_WELL_E, READ_E = 4096, 3072, 3.2, 4095, 12000.0, 3.0
REACH_MM = 0.5e-3 * PITCH_UM * float(np.hypot(WIDTH, HEIGHT))
KIT = (
    "nikkor_o_21_f4",
    "color_skopar_28_f2_8",
    "summicron_35_f2_v1",
    "summicron_50_f2_v5",
    "apo_ultron_90_f2",
    "tele_elmar_135_f4",
)
FIFTIES = (
    "summicron_50_f2_v5",
    "apo_lanthar_50_f2",
    "summilux_50_f1_4_v2",
    "nokton_50_f1_5",
    "noctilux_50_f1_2",
    "sonnar_50_f1_5",
)
STRANGERS = (
    "apo_skopar_90_f2_8",
    "apo_summicron_35_f2",
    "canon_50_f1_2",
    "double_gauss_50_f2",
    "elcan_50_f2",
    "elmarit_90_f2_8",
    "nikkor_50_f1_1",
    "nokton_35_f1_2",
    "summicron_c_40_f2",
    "apo_lanthar_50_f3_5",
)
LENSES = tuple(dict.fromkeys((*KIT, *FIFTIES, *STRANGERS)))
STOP = 5.6
"""Where the judged pictures are taken."""

PICTURES = {
    "cat": PHOTOGRAPHS / "cat_sofa_4640x3472.jpg",
    "shop": PHOTOGRAPHS / "japanese-shop.jpg",
    "book": PHOTOGRAPHS / "book-beside-flowers.jpg",
    "pcb": PHOTOGRAPHS.parent / "focus_stack" / "expected_by_focus-stack.jpg",
}
PRINTS = (
    *(PHOTOGRAPHS / f"{name}.jpg" for name in ("portrait", "prairie_falcon", "tanners_ridge")),
    PHOTOGRAPHS.parent / "burst_hdrplus_jpeg" / "frame-000.jpg",
    PHOTOGRAPHS.parent / "bracket_jpeg" / "iphone1.jpg",
)
"""Photographs that hang as small prints."""

WALLS = {"prints1": 1, "prints2": 2}
DRAWN = {
    "leaves": ("dead-leaves", 5, {}),
    "leaves11": ("dead-leaves", 11, {}),
    **{f"street{at}": ("facade", at, {"right": str(right), "down": str(down), "roll": str(roll)})
       for at, right, down, roll in ((1, 12, 2, 1), (2, -20, -3, -1), (3, 5, 8, 2), (4, 30, 0, -2), (5, -8, 5, 1),
                                     (6, 18, -6, 0), (7, -30, 3, -1), (8, 0, 0, 3), (9, 25, 4, -1), (10, -14, 6, 2))},
}  # fmt: skip
PINHOLE_MM = 35.0
JUDGED = "street1", "street2", "shop", "book", "pcb"
FRESH = "street9", "street10", "leaves11", "prints1", "prints2"
OWN = "cat", "street4", "street7"
"""The scenes of passports."""

FOCAL, FOCAL_OFF = 0.04, 0.02
"""Relative standard error of a focal length that overlaps tell, and by how much it is off, rms."""
RADII = np.linspace(0.0, 1.0, 7)[1:]
ALONG = np.array([0.8, 0.6])


@dataclass(frozen=True)
class Pixels:
    """As much of a sensor as optics need."""

    width_px: int
    height_px: int
    pitch_um: float


@dataclass(frozen=True)
class Drawing:
    """How a lens draws: red's and blue's shift outwards from green in mm at RADII of the reach, and light there.

    `bend` is by how much of its radius the ideal place of what is seen lies farther out: terms of s0, s2, s4, s6.
    """

    red_mm: Array
    blue_mm: Array
    light: Array
    bend: Array


@cache
def drawing(lens: str, f_number: float, distance_m: float, folder: Path | None) -> Drawing:
    """How a design draws, from the folder where it is kept."""
    place = None if folder is None else folder / f"{lens}_{f_number:g}_{distance_m:g}.pkl"
    if place is not None and place.is_file():
        found: Drawing = pickle.loads(place.read_bytes())  # noqa: S301 (its own file)
        return found
    found = drawn_by(lens, f_number, distance_m)
    if place is not None:
        place.write_bytes(pickle.dumps(found))
    return found


def drawn_by(lens: str, f_number: float, distance_m: float) -> Drawing:
    """From the twin's design: the shift that moves an edge's middle as the transfer functions do."""
    from anylens.twin.glass import Mounting
    from anylens.twin.glass import glass as mounted
    from anylens.twin.light import Formation
    from anylens.twin.spectra import source
    from anylens.twin.spreading import SPREAD_NM, Beam, transfers

    mounting = Mounting(f_number, distance_m)
    glass = mounted(lens, mounting)
    silicon = Pixels(WIDTH, HEIGHT, PITCH_UM)
    formation = Formation(glass, mounting, silicon, source("d65"))
    shares, places = formation.shares(), RADII[:, None] * REACH_MM * ALONG
    size, sample_um = (64 if f_number >= 4 else 96), PITCH_UM / 2
    found = transfers(Beam(glass, distance_m, shares), places, sample_um, size)
    turns, half = (at(size) / (sample_um * 1e-3) for at in (np.fft.fftfreq, np.fft.rfftfreq))
    squared = turns[:, None] ** 2 + half**2
    along = turns[:, None] * ALONG[1] + half * ALONG[0]
    seen = np.exp(-4 * np.pi**2 * (1.6 * PITCH_UM * 1e-3) ** 2 * squared) * (squared > 0)
    seen = seen / np.maximum(squared, 1e-9) ** 1.5
    seen[:, 1:-1] *= 2.0  # What lies there stands for its mirror too.
    shifts = []
    for channel in (0, 2):
        cross = found[:, channel] * np.conj(found[:, 1])
        weight = seen * along**2 * np.abs(found[:, 1]) ** 2
        late = -np.angle(cross) / (2 * np.pi * np.where(along == 0, 1.0, along))
        ideal = (formation.observed(shares[channel], places) - formation.observed(shares[1], places)) @ ALONG
        shifts.append(ideal + np.sum(weight * late, axis=(1, 2)) / weight.sum(axis=(1, 2)))
    green_nm = float(shares[1] @ np.array(SPREAD_NM))
    light = glass.illumination(places, green_nm) / glass.illumination(np.zeros((1, 2)), green_nm)
    radii = np.linspace(0.05, 1.02, 60) * REACH_MM
    seen = formation.observed(shares[1], radii[:, None] * ALONG) @ ALONG
    bend = np.linalg.lstsq(np.vander((seen / REACH_MM) ** 2, 4, increasing=True), radii / seen - 1.0, rcond=None)[0]
    return Drawing(shifts[0], shifts[1], np.asarray(light), np.concatenate([[0.0], bend[1:] / (1.0 + bend[0])]))


def scene_light(name: str, pinhole_mm: float) -> Array:
    """(3, HEIGHT, WIDTH) linear light, 0.9 where it is nearly brightest, lying as the sensor lies."""
    if name in DRAWN:
        light = painted(*DRAWN[name], pinhole_mm)
    else:
        light = prints(WALLS[name]) if name in WALLS else photograph(PICTURES[name])
    light = np.ascontiguousarray(light)
    return light * np.float32(0.9 / np.quantile(light[:, ::8, ::8], 0.99))


def painted(kind: str, arrangement: int, options: dict[str, str], pinhole_mm: float) -> Array:
    """The same of a scene of the twin's, through a pinhole so far before the sensor."""
    from anylens.twin.places import Net
    from anylens.twin.scenes import Field, scene
    from anylens.twin.spectra import source
    from anylens.twin.truth import Truth

    mm = PITCH_UM * 1e-3
    made, light = scene(kind, **options), source("d65")
    planes = made.planes(Field(WIDTH * mm, HEIGHT * mm, PITCH_UM, pinhole_mm), light, arrangement)
    still = Net(np.array([-1.0, 1.0]), np.array([-1.0, 1.0]), np.zeros((6, 2, 2)))
    truth = Truth(planes, light, made.lux, (WIDTH, HEIGHT), PITCH_UM, still, still)
    return np.maximum(truth.seen(bent=False, fine=2), 1e-4)


def photograph(path: Path) -> Array:
    """The same of a photograph, made smaller so that little of its own demosaicing is left."""
    return softened(filling(path, WIDTH, HEIGHT))


def prints(arrangement: int) -> Array:
    """The same of a wall of thirty prints; what fringes they have lie about their own middles, each turned by lot."""
    chance = np.random.default_rng(arrangement)
    whole = np.full((HEIGHT, WIDTH, 3), 200, np.uint8)
    width, height = WIDTH // 6, HEIGHT // 5
    for k, (down, right) in enumerate(product(range(5), range(6))):
        small = filling(PRINTS[k % len(PRINTS)], width - 40, height - 40)
        up, back, (aside, below) = *chance.choice((-1, 1), 2), chance.integers(-12, 12, 2)
        top, left = down * height + 20 + below, right * width + 20 + aside
        whole[top : top + height - 40, left : left + width - 40] = small[::up, ::back]
    return softened(whole)


def filling(path: Path, width: int, height: int) -> Array:
    """(height, width, 3): the middle of a photograph, lying, so small that it just fills this."""
    import cv2

    stored = cv2.imread(str(path))[..., ::-1]
    if stored.shape[0] > stored.shape[1]:
        stored = np.rot90(stored)
    rows, columns = stored.shape[:2]
    scale = max(width / columns, height / rows)
    whole = cv2.resize(np.ascontiguousarray(stored), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    top, left = (whole.shape[0] - height) // 2, (whole.shape[1] - width) // 2
    return np.asarray(whole[top : top + height, left : left + width])


def softened(stored: Array) -> Array:
    """(3, rows, columns) linear light of what is stored, its finest detail softened."""
    import cv2

    return np.asarray(cv2.GaussianBlur((stored.astype(np.float32) / 255) ** 2.2, (0, 0), 0.7).transpose(2, 0, 1))


@lru_cache(1)
def fine_light(name: str, pinhole_mm: float) -> Array:
    """(3, 2 HEIGHT, 2 WIDTH) of `scene_light`, the samples between its own by eight taps that are even about them.

    Read straight between these, light stays where it is; OpenCV's cubic moves it by up to 0.05 of a sample, which is
    as much as lateral colour tells lenses apart by.
    """
    import cv2

    half = np.array([-5, 49, -245, 1225, 1225, -245, 49, -5], np.float32) / 2048
    whole = np.ones(1, np.float32)
    found = np.empty((3, 2 * HEIGHT, 2 * WIDTH), np.float32)
    for plane, out in zip(scene_light(name, pinhole_mm), found, strict=True):
        for down, right in ((0, 0), (0, 1), (1, 0), (1, 1)):
            across, along = (half if right else whole), (half if down else whole)
            anchor = 3 if right else 0, 3 if down else 0
            out[down::2, right::2] = cv2.sepFilter2D(
                np.asarray(plane, np.float32), cv2.CV_32F, across, along, anchor=anchor, borderType=cv2.BORDER_REFLECT
            )
    return found


def frame(scene: Array, drawn: Drawing, seed: int) -> Frame:
    """A raw of a scene's light, sampled twice a pixel, through a lens."""
    import cv2

    chance = np.random.default_rng(seed)
    raw = np.empty((HEIGHT, WIDTH), np.uint16)
    for down, right, channel in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
        x = np.arange(right, WIDTH, 2, dtype=np.float32) - (WIDTH - 1) / 2
        y = (np.arange(down, HEIGHT, 2, dtype=np.float32) - (HEIGHT - 1) / 2)[:, None]
        r2 = (x**2 + y**2) / np.float32((WIDTH**2 + HEIGHT**2) / 4)
        moved = (drawn.red_mm, np.zeros(len(RADII)), drawn.blue_mm)[channel]
        grown = np.linalg.lstsq(np.stack([RADII, RADII**3, RADII**5], axis=1), moved / REACH_MM, rcond=None)[0]
        shrunk = (1 - (grown[0] + r2 * (grown[1] + r2 * grown[2]))).astype(np.float32)
        fall = np.linalg.lstsq(np.stack([RADII**2, RADII**4], axis=1), drawn.light - 1, rcond=None)[0]
        most = max(0.0, float(drawn.bend.sum()))
        shrunk *= (1 + r2 * (drawn.bend[1] + r2 * (drawn.bend[2] + r2 * drawn.bend[3]))) / np.float32(1 + most)
        u, v = x * shrunk + np.float32((WIDTH - 1) / 2), y * shrunk + np.float32((HEIGHT - 1) / 2)
        seen = cv2.remap(scene[channel], 2 * u, 2 * v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        electrons = np.maximum(seen * (1 + r2 * (fall[0] + r2 * fall[1])), 0) * (0.6, 1.0, 0.7)[channel] * FULL_WELL_E
        noise = np.sqrt(electrons + READ_E**2) * chance.standard_normal(electrons.shape, np.float32)
        counts = (electrons + noise) * (WHITE - 64) / FULL_WELL_E + 64
        raw[down::2, right::2] = np.clip(np.round(counts), 0, WHITE)
    noise_of = Noise((1 / FULL_WELL_E,), ((READ_E / FULL_WELL_E) ** 2,), "profile")
    sensor = Sensor(
        "simulated", WIDTH, HEIGHT, (("R", "G"), ("G", "B")), ((64.0,),), (float(WHITE),), PITCH_UM, noise_of
    )
    facts = Facts.whole(sensor, body=Body("simulated", "body"))
    return Frame(raw, facts)


def pinhole_mm(lens: str, distance_m: float) -> float:
    """How far behind a lens that is focused so near its picture lies, to a millimetre: perspective is drawn by it."""
    from anylens.twin.glass import prescription

    focal_mm = prescription(lens).focal_mm
    return float(round(focal_mm * distance_m / (distance_m - 1e-3 * focal_mm)))


def looked(lens: str, stop: float, scene: str, distance_m: float, folder: Path | None) -> Looked:
    """What one picture shows, from the folder where it is kept."""
    place = None if folder is None else folder / f"{lens}_{stop:g}_{distance_m:g}_{scene}.pkl"
    if place is not None and place.is_file():
        found: Looked = pickle.loads(place.read_bytes())  # noqa: S301 (its own file)
        return found
    seed = crc32(f"{lens} {stop:g} {distance_m:g} {scene}".encode())
    scene_of = fine_light(scene, pinhole_mm(lens, distance_m) if scene in DRAWN and scene not in OWN else PINHOLE_MM)
    seen = frame(scene_of, drawing(lens, stop, distance_m, folder), seed)
    found = look(of_image(seen, scene), PITCH_UM)
    if scene not in DRAWN:
        found = replace(found, straight=Straight())  # A photograph's straight things were bent by its own lens.
    if place is not None:
        place.write_bytes(pickle.dumps(found))
    return found


@cache
def shown(lens: str, stop: float, scenes: tuple[str, ...], folder: Path | None) -> Traits:
    """What pictures of these scenes tell together."""
    return traits([looked(lens, stop, scene, 5.0, folder) for scene in scenes])


@cache
def passport(lens: str, stops: tuple[float, ...], folder: Path | None) -> Passport:
    """Lateral colour as pictures of the passports' own scenes tell it at each aperture, distortion as a chart does."""
    from anylens.twin.glass import prescription

    records = []
    for stop in stops:
        own = [looked(lens, stop, scene, 3.0, folder) for scene in OWN]
        red, blue = (radial_shift([each.fringes[k] for each in own]) for k in (0, 1))
        assert red is not None
        assert blue is not None
        (r, r_error), (b, b_error) = ((each.terms, np.sqrt(np.diag(each.covariance))) for each in (red, blue))
        mm = PITCH_UM * 1e-3
        records.append(
            Lateral(
                f_number=stop,
                focus_m=3.0,
                method="photos",
                frames=len(OWN),
                date="2026-01-01",
                residual=1e3 * mm * red.residual_px,
                reach_mm=REACH_MM,
                red=tuple(r[:3]),
                red_error=tuple(r_error[:3]),
                blue=tuple(b[:3]),
                blue_error=tuple(b_error[:3]),
                red_shift_mm=tuple(r[3:] * mm),
                red_shift_mm_error=tuple(r_error[3:] * mm),
                blue_shift_mm=tuple(b[3:] * mm),
                blue_shift_mm_error=tuple(b_error[3:] * mm),
            )
        )
    focal_mm = prescription(lens).focal_mm
    known = Lens("", lens, (focal_mm, focal_mm))
    return Passport(known, "simulated body", geometry=(geometry(lens, folder),), lateral=tuple(records))


def geometry(lens: str, folder: Path | None) -> Geometry:
    """Distortion as a chart at 3 m tells it: the design's own."""
    from anylens.twin.glass import prescription

    terms = drawing(lens, max(5.6, prescription(lens).f_number), 5.0, folder).bend
    seen = np.linspace(0.02, 1.0, 60)
    powers = seen[:, None] ** np.array([2, 4, 6])
    ideal = seen * (1 + powers @ terms[1:])
    radial = np.linalg.lstsq(ideal[:, None] ** np.array([2, 4, 6]), seen / ideal - 1, rcond=None)[0]
    return section(Geometry, method="chart", focal_mm=REACH_MM, radial=tuple(radial), reach_mm=REACH_MM)


def judged(
    names: tuple[str, ...],
    measured: tuple[float, ...],
    way: str,
    known: bool,
    folder: Path | None,
    judging: tuple[str, ...] = JUDGED,
) -> list[dict[str, Any]]:
    """A row for each picture, or all of one lens: the true lens, the one told, how probable each is."""
    from anylens.twin.glass import prescription

    passports = [passport(name, measured, folder) for name in names]
    rows = []
    for lens in (*names, *(each for each in LENSES if each not in names)):
        for scenes in [judging] if way == "5 photos" else [(each,) for each in judging]:
            seen = shown(lens, STOP, scenes, folder)
            if way == "1 photo, focal length":
                off = np.random.default_rng(crc32(f"{lens} {scenes[0]}".encode())).normal(0.0, FOCAL_OFF)
                focal_mm = prescription(lens).focal_mm * (1.0 + off)
                seen = replace(seen, focal_mm=Figure(focal_mm, FOCAL * focal_mm))
            verdict = recognise([Seen(seen, STOP if known else None)], passports)
            told = verdict.told
            said = {each.passport.lens.model: each.probability for each in verdict.candidates}
            rows.append({"lens": lens, "scenes": scenes, "told": told and told.passport.lens.model,
                         "first": verdict.best and verdict.best.passport.lens.model,
                         "probabilities": {**said, "none": verdict.none}})  # fmt: skip
    return rows


def confused(rows: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """How often each lens was taken for another."""
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        if row["told"] not in (row["lens"], None):
            told = found.setdefault(row["lens"], {})
            told[row["told"]] = told.get(row["told"], 0) + 1
    return found


def summary(rows: list[dict[str, Any]], names: tuple[str, ...]) -> dict[str, Any]:
    """How often the first answer and the name are right, strangers named, how well probabilities are meant, by fifths.

    Strangers count for as much in that as `recognise` reckons with, however many pictures are theirs. So few pictures
    seem off by chance too: by so much in the mean, were all probabilities as they should be.
    """
    own = [row for row in rows if row["lens"] in names]
    strange = [row for row in rows if row["lens"] not in names]
    said, true, share = [], [], []
    for row in rows:
        first = max(row["probabilities"], key=row["probabilities"].get)
        said.append(row["probabilities"][first])
        true.append(first == (row["lens"] if row["lens"] in names else "none"))
        share.append((1.0 - UNKNOWN) / len(own) if row["lens"] in names else UNKNOWN / len(strange))
    return {
        "pictures": len(own),
        "first_percent": 100.0 * float(np.mean([row["first"] == row["lens"] for row in own])),
        "named_percent": 100.0 * float(np.mean([row["told"] == row["lens"] for row in own])),
        "wrong_lens_percent": 100.0 * float(np.mean([row["told"] not in (row["lens"], None) for row in own])),
        "strangers": len(strange),
        "false_accept_percent": 100.0 * float(np.mean([row["told"] is not None for row in strange])),
        "calibration_points": calibration(np.array(said), np.array(true, float), np.array(share)),
        "calibration_points_by_chance": by_chance(np.array(said), np.array(share)),
    }


def calibration(said: Array, true: Array, share: Array) -> float:
    """How far the likeliest answers' probabilities are from how often they are true, in points, by fifths."""
    part = np.clip((said * 5).astype(int), 0, 4)
    return 100.0 * float(sum(abs(np.sum(share[part == k] * (said - true)[part == k])) for k in range(5)))


def by_chance(said: Array, share: Array, times: int = 500) -> float:
    """The mean of `calibration` where answers are true as often as these probabilities say."""
    lots = np.random.default_rng(0).random((times, len(said)))
    return float(np.mean([calibration(said, (lot < said).astype(float), share) for lot in lots]))


def main() -> None:
    """Print the tables and keep them."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--folder", type=Path, help="keep what each picture showed there")
    given = options.parse_args()
    if given.folder is not None:
        given.folder.mkdir(parents=True, exist_ok=True)
    for scene in (*JUDGED, *FRESH):
        for lens in sorted(LENSES, key=lambda each: pinhole_mm(each, 5.0)):
            looked(lens, STOP, scene, 5.0, given.folder)
    for scene in OWN:
        for lens, stop in product(dict.fromkeys((*KIT, *FIFTIES)), (4.0, 5.6, 8.0)):
            looked(lens, stop, scene, 3.0, given.folder)
    results: dict[str, Any] = {}
    ways = "1 photo", "5 photos", "1 photo, focal length"
    asked = [(True, (4.0, 8.0), way) for way in ways] + [(True, (4.0, 5.6, 8.0), way) for way in ways]
    asked += [(False, (4.0, 5.6, 8.0), way) for way in ways[:2]]
    for title, names in (("kit of six, 21 to 135 mm", KIT), ("six of 50 mm", FIFTIES)):
        for known, measured, way in asked:
            rows = judged(names, measured, way, known, given.folder)
            apertures = ", ".join(f"f/{each:g}" for each in measured)
            name = f"{title} at {apertures}; {way}, aperture {'' if known else 'not '}told"
            results[name] = {**summary(rows, names), "confused": confused(rows)}
            if way == "1 photo":
                fresh = judged(names, measured, way, known, given.folder, FRESH)
                results[f"{name}, fresh scenes"] = {**summary(fresh, names), "confused": confused(fresh)}
    columns = [name for name in next(iter(results.values())) if name != "confused"]
    shown_rows = [
        [title, *(row[name] if isinstance(row[name], int) else f"{row[name]:.1f}" for name in columns)]
        for title, row in results.items()
    ]
    table("Whose lens? Simulated", ["passports of", *(name.replace("_", " ") for name in columns)], shown_rows)
    for title, row in results.items():
        for lens, taken in row["confused"].items():
            print(f"{title}: {lens} taken for {', '.join(f'{name} {times} times' for name, times in taken.items())}")
    save("recognition", results, versions("numpy", "opencv-python-headless"))


if __name__ == "__main__":
    main()
