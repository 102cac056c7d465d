"""What the silicon is."""

from anylens.sensor.model import CFA, Calibration, Noise, Sensor, bayer

__all__ = ["CFA", "Calibration", "Noise", "Sensor", "bayer"]
