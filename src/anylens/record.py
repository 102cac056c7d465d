"""Records: frozen dataclasses that share their methods.

`dataclasses` writes and compiles the source of six methods for every frozen class, about 0.6 ms each time; the sixty
records that one photo meets would cost more than reading it does. Here a class keeps its fields, as `dataclasses`
knows them, and all classes have the same seven methods, which go by those fields.
"""

from __future__ import annotations

from dataclasses import MISSING, Field, FrozenInstanceError, dataclass
from typing import TYPE_CHECKING, Any

__all__ = ["record"]

if TYPE_CHECKING:
    from dataclasses import dataclass as record
else:

    def record(*, frozen: bool, slots: bool, eq: bool = True, kw_only: bool = False) -> Any:
        """As `dataclasses.dataclass`, for what is frozen and has slots; what a class defines itself stays its own."""
        if not (frozen and slots):
            raise ValueError("a record is frozen and has slots; say so, or take a dataclass")
        shared = _METHODS | _EQUALITY if eq else _METHODS

        def made(plain: type) -> type:
            for name, method in shared.items():
                if name not in vars(plain):
                    setattr(plain, name, method)
            return dataclass(init=False, repr=False, eq=False, slots=True, kw_only=kw_only)(plain)

        return made


def _init(self: Any, /, *values: Any, **named: Any) -> None:
    fields: dict[str, Field[Any]] = self.__dataclass_fields__
    places = [name for name, field in fields.items() if field.init and not field.kw_only]
    if len(values) > len(places):
        raise TypeError(f"{type(self).__name__} takes {len(places)} values in order, not {len(values)}")
    given = dict(zip(places, values, strict=False))
    if twice := given.keys() & named.keys():
        raise TypeError(f"{type(self).__name__} is given {', '.join(sorted(twice))} twice")
    given |= named
    if unknown := given.keys() - fields.keys():
        raise TypeError(f"{type(self).__name__} has no field {', '.join(sorted(unknown))}")
    for name, field in fields.items():
        if name in given:
            value = given[name]
        elif field.default is not MISSING:
            value = field.default
        elif field.default_factory is not MISSING:
            value = field.default_factory()
        else:
            raise TypeError(f"{type(self).__name__} needs its field {name}")
        object.__setattr__(self, name, value)
    if hasattr(self, "__post_init__"):
        self.__post_init__()


def _setattr(self: Any, name: str, _value: object) -> None:
    raise FrozenInstanceError(f"{type(self).__name__}.{name} cannot be changed; make another with dataclasses.replace")


def _delattr(self: Any, name: str) -> None:
    raise FrozenInstanceError(f"{type(self).__name__}.{name} cannot be taken away")


def _repr(self: Any) -> str:
    shown = (f"{name}={getattr(self, name)!r}" for name, field in self.__dataclass_fields__.items() if field.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _compared(self: Any) -> tuple[Any, ...]:
    return tuple(getattr(self, name) for name, field in self.__dataclass_fields__.items() if field.compare)


def _eq(self: Any, other: object) -> Any:
    return _compared(self) == _compared(other) if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:
    return hash(_compared(self))


def _getstate(self: Any) -> list[Any]:
    return [getattr(self, name) for name in self.__dataclass_fields__]


def _setstate(self: Any, state: list[Any]) -> None:
    for name, value in zip(self.__dataclass_fields__, state, strict=True):
        object.__setattr__(self, name, value)


_METHODS = {
    "__init__": _init,
    "__setattr__": _setattr,
    "__delattr__": _delattr,
    "__repr__": _repr,
    "__getstate__": _getstate,
    "__setstate__": _setstate,
}
_EQUALITY = {"__eq__": _eq, "__hash__": _hash}
