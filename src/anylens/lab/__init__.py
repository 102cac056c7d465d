"""Measuring any camera from its files: charts, sharpness, noise, colour, geometry, shading."""
