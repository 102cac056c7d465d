"""Automatic white balance beside the classic methods: python -m benchmarks.white_balance.

Everybody sees the same small pictures in the colours of one measured camera: patch scenes of measured and drawn
surfaces, and photographs given smooth spectra, each under D65, standard light A and an LED. The error is the recovery
angle, in degrees, between the neutral that was found and the true one (Hordley & Finlayson 2006). On real raws the
camera's own as-shot neutral stands where truth is unknown.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np

import anylens
from anylens import color
from anylens.darkroom.light import seen_small
from anylens.darkroom.stages.merge import Merge
from anylens.darkroom.stages.mosaic import Defects
from anylens.darkroom.white import estimate_neutral
from anylens.frame import Burst
from anylens.record import replace
from anylens.sensor import Calibration
from benchmarks.gallery import PLATES, RAWS
from benchmarks.pictures import PHOTOGRAPHS, Array, halved
from benchmarks.report import save, table, versions
from tests import measured_camera, spectra

Known = tuple[tuple[Calibration, ...], tuple[float, float, float]]
"""A camera's calibrations and its analog balance."""

Method = Callable[[Array, Known], Array]

LIGHTS = {name: measured_camera.LIGHTS[name] for name in ("D65", "A", "LED")}
PATCH_SCENES, PATCHES, LONGEST_PX = 60, 24, 240


def calibrations() -> Known:
    """The measured camera's under A and D65, fitted to surfaces that no scene shows; no forward matrices."""
    fitted, balance = measured_camera.calibrations()
    return tuple(replace(each, forward_matrix=None) for each in fitted), balance


def neutral(light: Array) -> Array:
    """What the camera sees of a white surface."""
    return measured_camera.white(light, spectra.CAMERA)


def patch_scenes() -> list[Array]:
    """Reflectances (n, h, w) of scenes: 24 patches of any size drawn from 424 surfaces, each with a soft shading."""
    rng = np.random.default_rng(7)
    surfaces = np.concatenate([spectra.COLORCHECKER, spectra.smooth_reflectances(400, seed=9)])
    found = []
    for _ in range(PATCH_SCENES):
        chosen = surfaces[rng.choice(len(surfaces), PATCHES, replace=False)]
        areas = np.repeat(np.arange(PATCHES), rng.geometric(0.03, PATCHES) + 8)
        areas = np.resize(areas, (len(areas) // 32, 32))
        bright = np.exp(rng.normal(0.0, 0.3, PATCHES))[areas] * rng.uniform(0.7, 1.0, areas.shape)
        found.append(chosen[areas].transpose(2, 0, 1) * bright)
    return found


def photographs() -> dict[str, Array]:
    """Reflectances (33, h, w) of photographs: the smooth spectra, three broad shapes mixed, of their colours under D65.

    The shapes are the first three principal components of the ColorChecker's measured spectra. The photographers'
    own balance is taken for perfect, which it is not, so no method can reach 0.
    """
    import imagecodecs

    shapes = np.linalg.svd(spectra.COLORCHECKER, full_matrices=False)[2][:3]
    to_xyz = spectra.seen(LIGHTS["D65"], shapes, spectra.OBSERVER)
    found = {}
    for path in sorted(PHOTOGRAPHS.glob("*.jpg")):
        picture = imagecodecs.imread(path)[..., :3]
        light = color.srgb_decode(picture.transpose(2, 0, 1) / 255.0)
        light = halved(light, max(1, max(picture.shape) // LONGEST_PX))
        weights = np.linalg.solve(to_xyz, color.rgb_to_xyz("srgb") @ light.reshape(3, -1))
        found[path.stem] = np.clip(shapes.T @ weights, 0.001, 1.2).reshape(-1, *light.shape[1:])
    return found


def seen_under(light: Array, reflectances: Array, seed: int) -> Array:
    """(3, h, w) in the camera's colours with a little noise, its brightest percent at sensor white."""
    rng = np.random.default_rng(seed)
    flat = spectra.seen(light, reflectances.reshape(len(reflectances), -1).T, spectra.CAMERA)
    flat = flat / np.percentile(flat.max(0), 99.0)
    noisy = flat + rng.normal(0.0, 1.0, flat.shape) * np.sqrt(1e-4 * flat + 1e-6)
    return np.clip(noisy, 0.0, 1.0).reshape(3, *reflectances.shape[1:])


def ours(seen: Array, known: Known) -> Array:
    """anylens, where the camera is calibrated."""
    found = estimate_neutral(seen.astype(np.float32), *known)
    return np.asarray((1.0, 1.0, 1.0) if found is None else found)


def ours_uncalibrated(seen: Array, _: Known) -> Array:
    """anylens, where nothing is known of the camera's colours."""
    return ours(seen, ((), (1.0, 1.0, 1.0)))


def shades_of_grey(power: float) -> Method:
    """Finlayson & Trezzi 2004; 1 is grey world (Buchsbaum 1980), infinity white patch (Land & McCann 1971)."""

    def estimate(seen: Array, _: Known) -> Array:
        inside = seen[:, (seen < 0.97).all(0)]
        if np.isinf(power):
            return np.asarray(np.percentile(inside, 99.5, axis=1))
        return np.asarray(np.mean(np.maximum(inside, 0.0) ** power, 1) ** (1.0 / power))

    return estimate


def grey_edge(seen: Array, _: Known) -> Array:
    """First-order grey edge: van de Weijer, Gevers & Gijsenij 2007, Minkowski norm 6, blur of one pixel."""
    from scipy.ndimage import gaussian_gradient_magnitude

    inside = (seen < 0.97).all(0)
    slopes = np.stack([gaussian_gradient_magnitude(plane, 1.0) for plane in seen])[:, inside]
    return np.asarray(np.mean(slopes**6, 1) ** (1 / 6))


METHODS: dict[str, Method] = {
    "anylens": ours,
    "anylens, camera not calibrated": ours_uncalibrated,
    "grey world": shades_of_grey(1.0),
    "white patch": shades_of_grey(float("inf")),
    "shades of grey, p = 6": shades_of_grey(6.0),
    "grey edge, first order": grey_edge,
    "nothing done": lambda _seen, _known: np.ones(3),
    "always daylight": lambda _seen, _known: neutral(LIGHTS["D65"]),
}


def angle_deg(found: Array, truth: Array) -> float:
    """Degrees between two colours."""
    cosine = (found @ truth) / np.linalg.norm(found) / np.linalg.norm(truth)
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))


def simulated(known: Known) -> dict[str, dict[str, list[float]]]:
    """Angles by method and by kind of scene and light."""
    kinds = {"patches": patch_scenes(), "photographs": [*photographs().values()]}
    found: dict[str, dict[str, list[float]]] = {name: {} for name in METHODS}
    for kind, scenes in kinds.items():
        for light, power in LIGHTS.items():
            pictures = [seen_under(power, scene, seed) for seed, scene in enumerate(scenes)]
            for name, method in METHODS.items():
                errors = [angle_deg(method(seen, known), neutral(power)) for seen in pictures]
                found[name][f"{kind}, {light}"] = errors
    return found


def real() -> dict[str, dict[str, float]]:
    """Angles from the as-shot neutral of raws that tell one, by method."""
    found: dict[str, dict[str, float]] = {name: {} for name in METHODS}
    for plate, told in PLATES.items():
        if not (RAWS / told.file).exists():
            continue
        frame = anylens.read(RAWS / told.file, sensor=told.sensor)
        if not isinstance(frame, anylens.Frame) or frame.facts.as_shot_neutral is None:
            continue
        seen = seen_small(Defects()(Merge()(Burst((frame,)))))
        known = frame.facts.sensor.calibrations, frame.facts.sensor.analog_balance
        for name, method in METHODS.items():
            if name != "always daylight":
                found[name][plate] = angle_deg(
                    np.asarray(method(np.asarray(seen, np.float64), known)), np.array(frame.facts.as_shot_neutral)
                )
    return found


def main() -> None:
    """Estimate everything by everybody, print the tables, keep the figures."""
    if not PHOTOGRAPHS.exists():
        sys.exit("the photographs are not beside the checkout")
    by_method, on_raws = simulated(calibrations()), real()
    scenes = [*by_method["anylens"]]
    table(
        "Recovery angle, degrees: median (worst)",
        ("", *scenes),
        [
            (name, *(f"{np.median(by_scene[one]):.1f} ({max(by_scene[one]):.1f})" for one in scenes))
            for name, by_scene in by_method.items()
        ],
    )
    raws = [*on_raws["anylens"]]
    table(
        "Degrees from the neutral as shot (dog, chart, rose: as their sensor files assume)",
        ("", *raws),
        [(name, *(f"{angles[one]:.1f}" for one in raws)) for name, angles in on_raws.items() if angles],
    )
    summed = {
        name: {
            one: {"median": float(np.median(v)), "mean": float(np.mean(v)), "worst": max(v)} for one, v in of.items()
        }
        for name, of in by_method.items()
    }
    save("white_balance", {"simulated": summed, "real": on_raws}, versions("scipy"))


if __name__ == "__main__":
    main()
