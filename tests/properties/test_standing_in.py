"""Modules that stand in for others: nobody who asks for more than they have misses anything."""

import subprocess
import sys

BEGIN = "import sys; from anylens.app.standing_in import ALWAYS, WHILE_NUMPY_LOADS, stand_in, load_numpy; stand_in(); "


def ask(code: str) -> None:
    """Run code in a fresh Python; fails where the code does."""
    ran = subprocess.run([sys.executable, "-c", BEGIN + code], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr


def test_numpy_loads_without_the_modules_that_others_stand_in_for() -> None:
    ask("""
load_numpy()
import numpy, numpy.typing
assert numpy.ndarray.sum.__doc__ is None
assert all(type(sys.modules[name]).__name__ == "StandIn" for name in ALWAYS)
assert set(WHILE_NUMPY_LOADS).isdisjoint(sys.modules)
assert str(numpy.typing.NDArray[numpy.float32] | None)
""")


def test_what_they_stand_in_for_exists_and_is_the_same_afterwards() -> None:
    ask("""
load_numpy()
import numpy
names = {*numpy.__all__}, {*dir(numpy.ndarray)}, {*dir(numpy.dtype)}
for name in ALWAYS:
    del sys.modules[name]
for name in (*ALWAYS, *WHILE_NUMPY_LOADS):
    __import__(name)
assert numpy.ndarray.sum.__doc__
assert names == ({*numpy.__all__}, {*dir(numpy.ndarray)}, {*dir(numpy.dtype)})
""")


def test_who_asks_for_more_gets_the_module_itself() -> None:
    ask("""
load_numpy()
import inspect, ipaddress, io, pickle
assert str(inspect.signature(lambda a, b=1: a)) == "(a, b=1)"
assert str(ipaddress.ip_address("10.0.0.1")) == "10.0.0.1"
assert type(sys.modules["ipaddress"]).__name__ == "module"
import numpy
assert numpy.array_equal(pickle.loads(numpy.ones(3).dumps()), numpy.ones(3))
assert inspect.signature(numpy.linspace).parameters["num"].default == 50
from numpy._typing import _ArrayLikeFloat_co
""")


def test_modules_inside_and_where_modules_are_can_be_asked_for() -> None:
    ask("""
load_numpy()
from importlib.util import find_spec
assert all(find_spec(name).name == name for name in ALWAYS)
from numpy._typing._array_like import _ArrayLikeFloat_co as inside
assert type(sys.modules["numpy._typing"]).__name__ == "StandIn"
from numpy._typing import _ArrayLikeFloat_co
assert inside is _ArrayLikeFloat_co
""")


def test_packages_beside_numpy_load_and_annotate() -> None:
    ask("""
load_numpy()
import numpy.typing, scipy.optimize, scipy.ndimage, imagecodecs, cv2
numpy.testing.assert_array_equal(numpy.ma.array([1, 2], mask=[0, 1]).sum(), 1)
""")


def test_argparse_speaks_english() -> None:
    ask("""
import argparse
parser = argparse.ArgumentParser(prog="p")
parser.add_argument("--one", required=True)
assert parser.format_usage().startswith("usage: p")
import gettext
assert gettext.ngettext("a", "b", 2) == "b" and gettext.NullTranslations()
""")
