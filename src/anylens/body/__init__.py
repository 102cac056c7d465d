"""The whole camera."""

from anylens.body.model import Battery, Body, Mode, Screen, bodies, body, parse_body

__all__ = ["Battery", "Body", "Mode", "Screen", "bodies", "body", "parse_body"]
