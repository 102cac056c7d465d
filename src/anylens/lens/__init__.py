"""What the glass is, and where its rings stand."""

from anylens.lens.model import Lens, Passport, Setting

__all__ = ["Lens", "Passport", "Setting"]
