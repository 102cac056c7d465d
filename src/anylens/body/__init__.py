"""The whole camera."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Body:
    """One camera: who made it, what it is called, which copy it is, and the mount that takes its lenses."""

    maker: str
    model: str
    serial: str | None = None
    mount: str | None = None
