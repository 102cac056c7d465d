"""The twin's silicon: light in, counts out."""

from anylens.twin.silicon.chip import Chip
from anylens.twin.silicon.exposure import Exposure
from anylens.twin.silicon.model import Silicon, silicon, silicons

__all__ = ["Chip", "Exposure", "Silicon", "silicon", "silicons"]
