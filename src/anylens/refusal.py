"""The one exception that is meant for people."""

from __future__ import annotations


class Refusal(ValueError):
    """Something that anylens does not do, in one sentence: what, why, what to do."""
