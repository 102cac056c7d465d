"""What the glass is, where its rings stand, and what was measured of it on a body."""

from anylens.lens.model import Lens, Setting
from anylens.lens.passport import Passport, merged
from anylens.lens.passport_file import find_passport, read_passport

__all__ = ["Lens", "Passport", "Setting", "find_passport", "merged", "read_passport"]
