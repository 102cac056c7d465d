"""Results as JSON, for programs."""

from __future__ import annotations

import math
from typing import Any


def as_json(value: Any, indent: int = 2) -> str:
    """The text of one JSON value, records and arrays among its parts as `plain` has them."""
    import json

    return json.dumps(plain(value), indent=indent, ensure_ascii=False)


def plain(value: Any) -> Any:
    """What JSON knows: a record by its fields, an array as lists, bytes as base64, a time as ISO 8601.

    Infinite numbers and NaN are null; whatever else there is becomes its text.
    """
    import dataclasses
    from datetime import datetime

    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, bytes):
        import base64

        return base64.b64encode(value).decode("ascii")
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): plain(held) for key, held in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(held) for held in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
