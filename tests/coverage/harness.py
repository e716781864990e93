"""How rows of the corpus are differentiated, by irad and by JAX, in one program."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from irad import linearization
from tests.coverage.corpus import CORPUS, FORWARD_ONLY, REVERSE_ONLY, Row

TOLERANCE = {np.dtype("float64"): 1e-9, np.dtype("complex128"): 1e-9}


class Fallback:
    """Stands in for the way to JAX's own rules, and notes who takes it."""

    def __init__(self) -> None:
        self.function = ""
        self.found: list[str] = []
        self._real = linearization.by_own_rule

    def __call__(self, eqn: Any, *rest: Any) -> Any:
        self.found.append(f"{self.function}: '{eqn.primitive}' by JAX's own rule")
        return self._real(eqn, *rest)


def as_function(row: Row) -> tuple[Callable[..., list[Any]], list[Any]]:
    """The floating-point outputs as a function of the floating-point arguments."""
    live = [i for i, x in enumerate(row.args) if _is_inexact(x)]

    def fun(*moving: Any) -> list[Any]:
        full = list(row.args)
        for i, x in zip(live, moving, strict=True):
            full[i] = x
        return [y for y in jax.tree.leaves(row.fun(*full)) if _is_inexact(y)]

    return fun, [jnp.asarray(row.args[i]) for i in live]


def _is_inexact(x: Any) -> bool:
    return hasattr(x, "dtype") and jnp.issubdtype(x.dtype, jnp.inexact)


def derivatives(ad: Any, name: str, x: Sequence[Any]) -> dict[str, Any]:
    """Value, push and pull of a row at ``x``, along fixed directions."""
    fun, _ = as_function(CORPUS[name])
    rng = np.random.default_rng(0)
    found: dict[str, Any] = {}
    if name not in REVERSE_ONLY:
        t = [direction(rng, a) for a in x]
        found["value"], found["push"] = ad.jvp(fun, tuple(x), tuple(t))
    if name not in FORWARD_ONLY:
        y, pullback = ad.vjp(fun, *x)
        found["pull"] = pullback([direction(rng, a) for a in y])
    return found


@contextmanager
def while_differentiating(name: str) -> Iterator[None]:
    """Says which row an error comes from."""
    try:
        yield
    except Exception as error:
        error.add_note(f"while differentiating {name}")
        raise


def direction(rng: np.random.Generator, like: Any) -> Any:
    """A random tangent or cotangent."""
    values = rng.standard_normal(like.shape)
    if jnp.issubdtype(like.dtype, jnp.complexfloating):
        values = values + 1j * rng.standard_normal(like.shape)
    return jnp.asarray(values, like.dtype)


def mismatches(name: str, ours: Any, theirs: Any) -> Iterator[str]:
    """What differs, in type or in value."""
    if jax.tree.structure(ours) != jax.tree.structure(theirs):
        yield f"{name}: trees differ"
        return
    expected = jax.tree.leaves(theirs)
    paths = jax.tree_util.tree_leaves_with_path(ours)
    for (path, a), b in zip(paths, expected, strict=True):
        where = f"{name}{jax.tree_util.keystr(path)}"
        a, b = np.asarray(a), np.asarray(b)
        if (a.dtype, a.shape) != (b.dtype, b.shape):
            yield f"{where}: {a.dtype}{a.shape}, expected {b.dtype}{b.shape}"
            continue
        rtol = TOLERANCE.get(b.dtype, 1e-4)
        scale = np.max(np.abs(b[np.isfinite(b)]), initial=0.0)
        if not np.allclose(a, b, rtol=rtol, atol=rtol * scale, equal_nan=True):
            yield f"{where}: differs by {np.max(np.abs(a - b))}, of {scale}"
