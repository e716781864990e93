"""What a mask hides: slopes and cotangents that are no numbers stay there as in JAX.

The first three places are hidden, and there the cotangents are odd. Where a slope is
infinite behind a mask JAX has NaN (0 * inf) unless the operand was masked too, and so
has irad.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from tests.kinds import infinite
from tests.laws import Case, check_laws

X = np.array([0.0, -1.5, -0.0, 0.4, 2.5])
Y = np.array([1.3, 0.2, -0.7, 0.9, 1.1])
HIDDEN = np.array([True, True, True, False, False])
ROWS = np.array([[True, False, True], [False, False, False]])
T = np.array([[0.3, -1.2, 2.5], [1.1, 0.4, -3.2]])
FAR = np.array([9, -9, 7, 1, 3])  # of X: three places beyond it, and two in it


def _shown(fun: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """``fun``, evaluated everywhere and hidden where it is not defined."""
    return lambda x: jnp.where(HIDDEN, 0.0, fun(x))


def _shown_safely(fun: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """``fun``, evaluated only where it is defined."""
    return lambda x: jnp.where(HIDDEN, 0.0, fun(jnp.where(HIDDEN, 1.0, x)))


def _softmax(x: Any) -> Any:
    """Of rows with some, and with no places hidden."""
    return jax.nn.softmax(jnp.where(ROWS, -jnp.inf, x), axis=1)


def _pieces(x: Any) -> Any:
    return jnp.piecewise(x, [x < 0, x > 1], [jnp.sin, jnp.sqrt, lambda x: x * x])


FUNCTIONS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "log": (_shown(jnp.log), (X,)),
    "log, safely": (_shown_safely(jnp.log), (X,)),
    "sqrt": (_shown(jnp.sqrt), (X,)),
    "sqrt, safely": (_shown_safely(jnp.sqrt), (X,)),
    "quotient": (_shown(lambda x: 1.0 / x), (X,)),
    "quotient, safely": (_shown_safely(lambda x: 1.0 / x), (X,)),
    "power": (_shown(lambda x: x**-1.5), (X,)),
    "arctan2": (_shown(lambda x: jnp.arctan2(x, x)), (X,)),
    "norm": (lambda x: jnp.where(HIDDEN[0], 0.0, jnp.linalg.norm(x * 0.0)), (X,)),
    "a choice of two": (lambda x, y: lax.select(HIDDEN, x, y), (X, Y)),
    "a choice of two, swapped": (lambda x, y: lax.select(HIDDEN, y, x), (X, Y)),
    "a choice of three": (
        lambda x, y: lax.select_n(np.array([0, 1, 2, 2, 0], "int32"), x, y, x * y),
        (X, Y),
    ),
    "clamp": (lambda x: lax.clamp(0.1, x, 0.5), (X,)),
    "clip": (lambda x, y: jnp.clip(x, y - 1.0, y), (X, Y)),
    "maximum": (lambda x, y: jnp.maximum(x, y), (X, Y)),
    "minimum": (lambda x, y: jnp.minimum(x, y), (X, Y)),
    "relu": (jax.nn.relu, (X,)),
    "leaky_relu": (jax.nn.leaky_relu, (X,)),
    "nan_to_num": (lambda x: jnp.nan_to_num(x / jnp.abs(x)), (X,)),
    "sum of some": (lambda x: jnp.sum(x, where=~HIDDEN), (X,)),
    "mean of some": (lambda x: jnp.mean(x, where=~HIDDEN), (X,)),
    "max of some": (lambda x: jnp.max(x, where=~HIDDEN, initial=-1.0), (X,)),
    "product of some": (lambda x: jnp.prod(x, where=~HIDDEN), (X,)),
    "softmax of some": (_softmax, (T,)),
    "logsumexp of some": (
        lambda x: jax.nn.logsumexp(x, axis=1, where=~ROWS),
        (T,),
    ),
    "a triangle": (lambda x: (jnp.tril(x), jnp.triu(x, 1)), (T,)),
    "by index": (lambda x: x.at[FAR].get(mode="fill", fill_value=0.0), (X,)),
    "set by index": (lambda x, y: x.at[FAR].set(y, mode="drop"), (X, Y)),
    "added by index": (lambda x, y: x.at[FAR].add(y, mode="drop"), (X, Y)),
    "greater by index": (lambda x, y: x.at[FAR].max(y, mode="drop"), (X, Y)),
    "a block written over": (
        lambda x, y: lax.dynamic_update_slice(x, y[3:], (0,)),
        (X, Y),
    ),
    "a branch for each": (
        jax.vmap(lambda x: lax.cond(x > 0, jnp.log, lambda x: x * 2.0, x)),
        (X,),
    ),
    "pieces": (_pieces, (X,)),
}


CASES = [
    Case(
        f"{name}{among}",
        fun,
        args,
        second=False,
        numeric=False,
        cotangents=cotangents,
    )
    for name, (fun, args) in FUNCTIONS.items()
    for among, cotangents in (("", None), (", infinite", infinite))
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_laws(case: Case) -> None:
    check_laws(case)
