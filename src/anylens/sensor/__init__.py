"""What the silicon is."""

from anylens.sensor.model import CFA, Calibration, Noise, Sensor, bayer, parse_sensor
from anylens.sensor.noise import estimate_noise

__all__ = ["CFA", "Calibration", "Noise", "Sensor", "bayer", "estimate_noise", "parse_sensor"]
