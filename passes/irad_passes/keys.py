"""Keys: what makes two literals, two parameters or two equations the same."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np

from irad_passes._compat import JaxprEqn, Literal, Var


def equation_key(eqn: JaxprEqn) -> Hashable | None:
    """A key that equations share when they compute the same, None for no such key.

    There is none when a parameter cannot be hashed.
    """
    key = (
        eqn.primitive,
        tuple(map(atom_key, eqn.invars)),
        param_key(eqn.params) if eqn.params else (),
        eqn.ctx,
    )
    try:
        hash(key)
    except TypeError:
        return None
    return key


def atom_key(x: Var | Literal) -> Hashable:
    """A key of an operand: variables by identity, literals by type and bits.

    So 0.0, -0.0, 0 and False differ, as do a weak and a strong 1.0.
    """
    if isinstance(x, Var):
        return x
    aval: Any = x.aval
    dtype = aval.dtype
    if aval.shape or not isinstance(dtype, np.dtype):
        return (aval, id(x.val))
    return (aval, np.asarray(x.val, dtype).tobytes())


def param_key(value: Any) -> Any:
    """A key of a parameter: equal numbers of different types or signs differ."""
    if isinstance(value, str | bool | int):
        return (type(value), value)
    if isinstance(value, float | complex | np.generic):
        return (type(value), np.asarray(value).tobytes())
    if isinstance(value, tuple | list):
        return (type(value), tuple(map(param_key, value)))
    if isinstance(value, dict):
        items = ((name, param_key(value[name])) for name in sorted(value))
        return (dict, tuple(items))
    return (type(value), value)
