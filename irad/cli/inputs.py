"""Arrays and programs as they are named on a command line."""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Callable, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import click
import jax
import numpy as np

from irad.stablehlo import Module, load
from irad_passes.modules.types import DTYPES

_TYPE = re.compile(r"(\w+)\[([\d, ]*)\]$")
_SHORT = {"bool": "i1", "c64": "complex<f32>", "c128": "complex<f64>"}


def program(named: str) -> Callable[..., Any] | Module:
    """A module in a file, or a function as ``module:name``.

    Raises:
        click.BadParameter: it is neither.
    """
    if Path(named).exists():
        return load(Path(named))
    module, colon, path = named.partition(":")
    if not colon or not path:
        raise click.BadParameter(f"{named!r} is no file, and no module:function")
    sys.path.insert(0, os.getcwd())
    try:
        found = reduce(getattr, path.split("."), importlib.import_module(module))
    except (ModuleNotFoundError, AttributeError) as error:
        raise click.BadParameter(f"{named!r}: {error}") from None
    if not callable(found):
        raise click.BadParameter(f"{named!r} is no function")
    return found


def arrays(fun: Callable[..., Any] | Module, given: Sequence[str]) -> list[Any]:
    """The inputs that are named; all of a module's are drawn if none is.

    Raises:
        click.BadParameter: an input is no file of an array, and no type.
    """
    draw = np.random.default_rng(0)
    if isinstance(fun, Module) and not given:
        return [_drawn(draw, x.shape, x.dtype) for x in fun.inputs]
    if not given:
        raise click.UsageError("a function needs its inputs: --input 'f32[3,4]' ...")
    return [array(text, draw) for text in given]


def array(named: str, draw: np.random.Generator) -> Any:
    """An array in a file, or one of a type with entries that are drawn."""
    if named.endswith(".npy"):
        return read(named)
    found = _TYPE.match(named)
    dtype = found and DTYPES.get(_SHORT.get(found[1], found[1]))
    if found is None or dtype is None:
        raise click.BadParameter(f"{named!r} is no .npy file, and no type: f32[3,4]")
    return _drawn(draw, tuple(map(int, found[2].replace(",", " ").split())), dtype)


def read(path: str, like: jax.ShapeDtypeStruct | None = None) -> Any:
    """The array in a ``.npy`` file.

    NumPy writes types that it does not know, such as bfloat16, as raw bytes: they are
    taken for those of ``like`` if they are as wide.

    Raises:
        ValueError: the file holds something else.
    """
    try:
        found = np.load(path, allow_pickle=False)
    except (ValueError, EOFError):
        raise ValueError(f"{path} is no .npy file of numbers") from None
    if found.dtype.kind != "V" or like is None:
        return found
    is_as_wide = found.dtype.itemsize == like.dtype.itemsize
    return found.view(like.dtype) if is_as_wide else found


def _drawn(draw: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> Any:
    """Normal numbers, or zeros and ones for integers."""
    if jax.numpy.issubdtype(dtype, jax.numpy.complexfloating):
        parts = draw.standard_normal((2, *shape))
        return np.asarray(parts[0] + 1j * parts[1], dtype)
    if jax.numpy.issubdtype(dtype, jax.numpy.inexact):
        return np.asarray(draw.standard_normal(shape), dtype)
    return np.asarray(draw.integers(0, 2, shape), dtype)
