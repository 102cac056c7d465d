"""Lenses from their prescriptions, traced ray by ray, drawn with diffraction: what stands before the sensor."""

from anylens.twin.glass.focused import glass
from anylens.twin.glass.mounted import Mounted
from anylens.twin.glass.mounting import Glass, Mounting, refuse_beyond
from anylens.twin.glass.prescription import Prescription, lenses, prescription

__all__ = ["Glass", "Mounted", "Mounting", "Prescription", "glass", "lenses", "prescription", "refuse_beyond"]
