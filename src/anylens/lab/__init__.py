"""Measuring any camera from its files: charts, sharpness, noise, colour, geometry, shading."""

from __future__ import annotations

from anylens.lab.figure import Figure
from anylens.lab.specimen import Plane, Specimen, of_image, specimen

__all__ = ["Figure", "Plane", "Specimen", "of_image", "specimen"]
