"""What the silicon is."""

from anylens.sensor.model import CFA, Calibration, Noise, Sensor, Sheet, bayer, parse_sensor
from anylens.sensor.noise import estimate_noise

__all__ = ["CFA", "Calibration", "Noise", "Sensor", "Sheet", "bayer", "estimate_noise", "parse_sensor"]
