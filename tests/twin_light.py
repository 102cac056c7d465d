"""Light by hand, for tests of the silicon: even planes, or any rates, with no lens before them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from anylens.twin.light import Layer


@dataclass(frozen=True)
class LightByHand:
    """What `Chip.expose` needs of a light; `chief_ray` is one angle for all places."""

    layers: tuple[Layer, ...]
    margin_px: int
    pitch_um: float
    chief_ray: float = 0.0
    flicker: object | None = None

    def chief_ray_deg(self, places_mm: np.ndarray) -> np.ndarray:
        return np.full(np.asarray(places_mm).shape[:-1], self.chief_ray)


def by_hand(
    rates: np.ndarray,
    cover: np.ndarray | None = None,
    path: Callable[[float], tuple[float, float]] | None = None,
    distance_m: float | None = None,
) -> Layer:
    """A layer of rates (3, H, W) on every pixel, and of their cover (H, W)."""
    values = rates if cover is None else np.concatenate([rates, cover[None]])
    return Layer(np.asarray(values, np.float32), 1, 1, rates.shape[1:], path, distance_m)


def even(silicon, electrons_per_s: float | tuple[float, float, float], margin_px: int = 16, **more) -> LightByHand:
    """The same light at every pixel, through R, G and B or one for all."""
    sides = silicon.height_px + 2 * margin_px, silicon.width_px + 2 * margin_px
    rates = np.empty((3, *sides), np.float32)
    rates[:] = np.reshape(np.broadcast_to(electrons_per_s, 3), (3, 1, 1))
    return LightByHand((by_hand(rates),), margin_px, silicon.pitch_um, **more)
