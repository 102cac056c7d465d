"""Records: frozen dataclasses that share their methods, and tuples with names that do.

`dataclasses` writes and compiles the source of six methods for every frozen class, about 0.6 ms each time, and takes a
third of it for one that is given them; the sixty records that one photo meets would cost more than reading it does.
Here a class keeps its fields, and all classes have the same methods, which go by those fields. Whoever asks
`dataclasses` about a record (`fields`, `replace`, `asdict`) is answered as about one of its own. `NamedTuple` costs
0.3 ms a class in the same way, and each kernel has one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import itemgetter
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar, dataclass_transform

Record = TypeVar("Record")

MISSING: Any = object()
"""The default of a field that has none."""


class Field:
    """One field of a record: what `dataclasses.Field` tells, as far as anybody here asks."""

    name: str
    type: str

    def __init__(
        self,
        *,
        default: Any = MISSING,
        default_factory: Any = MISSING,
        repr: bool = True,  # noqa: A002 - dataclasses' name
        compare: bool = True,
        metadata: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self.default, self.default_factory = default, default_factory
        self.repr, self.compare, self.metadata = repr, compare, metadata
        self.kw_only = False


def field(**said: Any) -> Any:
    """As `dataclasses.field`: what else is to be said of a field than its default."""
    return Field(**said)


def fields(record: Any) -> tuple[Field, ...]:
    """As `dataclasses.fields`, of a record or its class."""
    return tuple(record.__fields__.values())


def replace(record: Record, /, **changes: Any) -> Record:
    """As `dataclasses.replace`: the same record but for some fields."""
    kept = {each.name: getattr(record, each.name) for each in fields(record) if each.name not in changes}
    return type(record)(**kept, **changes)


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(
    *, frozen: bool, slots: bool, eq: bool = True, kw_only: bool = False
) -> Callable[[type[Record]], type[Record]]:
    """As `dataclasses.dataclass`, for what is frozen and has slots; what a class defines itself stays its own."""
    if not (frozen and slots):
        raise ValueError("a record is frozen and has slots; say so, or take a dataclass")
    shared = _METHODS | _EQUALITY if eq else _METHODS

    def made(plain: type[Record]) -> type[Record]:
        own = {name: _field(plain, name, kw_only) for name in plain.__annotations__}
        every = {**getattr(plain, "__fields__", {}), **own}
        kept = {name: value for name, value in vars(plain).items() if name not in (*own, "__dict__", "__weakref__")}
        said = {
            "__qualname__": plain.__qualname__,
            "__slots__": tuple(own),
            "__fields__": every,
            "__match_args__": tuple(name for name, each in every.items() if not each.kw_only),
            "__dataclass_fields__": _AsDataclass(),
        }
        made_anew: type[Record] = type(plain)(plain.__name__, plain.__bases__, shared | kept | said)  # type: ignore[misc]
        return made_anew

    return made


@dataclass_transform(frozen_default=True)
class Parts(tuple[Any, ...]):
    """As `typing.NamedTuple`, of classes that add nothing but their fields: a tuple whose places have names."""

    __slots__ = ()
    _fields: ClassVar[tuple[str, ...]]

    def __init_subclass__(cls) -> None:
        cls._fields = tuple(cls.__annotations__)
        for place, name in enumerate(cls._fields):
            setattr(cls, name, property(itemgetter(place)))

    def __new__(cls, *values: Any, **named: Any) -> Parts:
        """One with all its parts, in order or by name; TypeError for too few, too many or unknown ones."""
        rest = cls._fields[len(values) :]
        if len(values) > len(cls._fields) or named.keys() != set(rest):
            raise TypeError(f"{cls.__name__} has the parts {', '.join(cls._fields)} and is given others")
        return tuple.__new__(cls, (*values, *(named[name] for name in rest)))

    def __repr__(self) -> str:
        told = (f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True))
        return f"{type(self).__qualname__}({', '.join(told)})"

    def __getnewargs__(self) -> tuple[Any, ...]:
        return tuple(self)


def _field(plain: type, name: str, kw_only: bool) -> Field:
    said = vars(plain).get(name, MISSING)
    known = said if isinstance(said, Field) else Field(default=said)
    known.name, known.type, known.kw_only = name, plain.__annotations__[name], kw_only
    return known


class _AsDataclass:
    """What `dataclasses` looks for in a class: the fields as its own kind, made when they are asked for."""

    def __get__(self, _record: object, kind: type) -> dict[str, Any]:
        import dataclasses

        told = []
        for each in fields(kind):
            said = {key: value for key, value in vars(each).items() if value is not MISSING}
            told.append((said.pop("name"), said.pop("type"), dataclasses.field(**said)))
        known: dict[str, Any] = vars(dataclasses.make_dataclass(kind.__name__, told))["__dataclass_fields__"]
        return known


def _init(self: Any, /, *values: Any, **named: Any) -> None:
    known = self.__fields__
    places = self.__match_args__
    if len(values) > len(places):
        raise TypeError(f"{type(self).__name__} takes {len(places)} values in order, not {len(values)}")
    given = dict(zip(places, values, strict=False))
    if twice := given.keys() & named.keys():
        raise TypeError(f"{type(self).__name__} is given {', '.join(sorted(twice))} twice")
    given |= named
    if unknown := given.keys() - known.keys():
        raise TypeError(f"{type(self).__name__} has no field {', '.join(sorted(unknown))}")
    for name, each in known.items():
        if name in given:
            value = given[name]
        elif each.default is not MISSING:
            value = each.default
        elif each.default_factory is not MISSING:
            value = each.default_factory()
        else:
            raise TypeError(f"{type(self).__name__} needs its field {name}")
        object.__setattr__(self, name, value)
    if hasattr(self, "__post_init__"):
        self.__post_init__()


def _setattr(self: Any, name: str, _value: object) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"{type(self).__name__}.{name} cannot be changed; make another with replace")


def _delattr(self: Any, name: str) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"{type(self).__name__}.{name} cannot be taken away")


def _repr(self: Any) -> str:
    shown = (f"{name}={getattr(self, name)!r}" for name, each in self.__fields__.items() if each.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _compared(self: Any) -> tuple[Any, ...]:
    return tuple(getattr(self, name) for name, each in self.__fields__.items() if each.compare)


def _eq(self: Any, other: object) -> Any:
    return _compared(self) == _compared(other) if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:
    return hash(_compared(self))


def _getstate(self: Any) -> list[Any]:
    return [getattr(self, name) for name in self.__fields__]


def _setstate(self: Any, state: list[Any]) -> None:
    for name, value in zip(self.__fields__, state, strict=True):
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
