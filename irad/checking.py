"""``check_grads``: derivatives against central differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from irad._compat import ir
from irad.errors import GradientCheckError
from irad.transforms.forward import jvp
from irad.transforms.reverse import vjp

DIRECTIONS = 3
"""So many random directions are tried at each order."""


def check_grads(
    fun: Callable[..., Any],
    args: Sequence[Any],
    order: int = 2,
    modes: Sequence[str] = ("fwd", "rev"),
    *,
    atol: float = 1e-5,
    rtol: float = 1e-5,
    eps: float = 1e-5,
    seed: int = 0,
) -> None:
    """Compares derivatives with central differences in float64.

    At each order the derivative is taken along random directions by the modes asked
    for, and compared with ``(f(x + eps t) - f(x - eps t)) / (2 eps)``, whose error is
    of order ``eps**2`` plus rounding over ``eps``. The next order checks the derivative
    just checked. Arguments of lower precision are converted to float64 (complex128)
    first.

    Args:
        fun: a function of arrays or trees of arrays.
        args: the point, away from kinks.
        order: how many derivatives are checked.
        modes: ``"fwd"``, ``"rev"`` or both.
        atol: absolute tolerance, as a share of 1 + the largest entry.
        rtol: relative tolerance.
        eps: the step of the differences.
        seed: seed of the directions.

    Raises:
        GradientCheckError: a derivative disagrees; the message names the order, the
        mode
            and the worst entry.
        ValueError: an unknown mode or an order below 1.

    Example:
        >>> import irad, jax.numpy as jnp
        >>> irad.check_grads(lambda x: jnp.sin(x) * x, (1.5,))
    """
    if order < 1:
        raise ValueError(f"order must be at least 1, got {order}")
    unknown = set(modes) - {"fwd", "rev"}
    if unknown or not modes:
        raise ValueError(f"modes must be 'fwd', 'rev' or both, got {tuple(modes)}")
    rng = np.random.default_rng(seed)
    with jax.enable_x64(True):
        leaves, tree = jax.tree_util.tree_flatten(tuple(args))
        wide = [_widen(x) for x in leaves]
        live = [i for i, x in enumerate(wide) if ir.is_inexact(ir.typeof(x).dtype)]

        def flat(*moving: Any) -> list[Any]:
            full = list(wide)
            for i, x in zip(live, moving, strict=True):
                full[i] = x
            y = fun(*jax.tree_util.tree_unflatten(tree, full))
            outs = jax.tree_util.tree_leaves(y)
            return [v for v in outs if ir.is_inexact(ir.typeof(v).dtype)]

        point = [wide[i] for i in live]
        settings = _Settings(tuple(modes), atol, rtol, eps, rng)
        _check(flat, point, order, "", settings)


@dataclass(frozen=True, eq=False)
class _Settings:
    modes: tuple[str, ...]
    atol: float
    rtol: float
    eps: float
    rng: np.random.Generator


def _check(
    fun: Callable[..., Any],
    x: list[Any],
    order: int,
    history: str,
    settings: _Settings,
) -> None:
    for _ in range(DIRECTIONS):
        t = [_direction(settings.rng, a) for a in x]
        expected = _difference(fun, x, t, settings.eps)
        if "fwd" in settings.modes:
            _, pushed = jvp(fun, tuple(x), tuple(t))
            _compare(pushed, expected, f"{history}fwd", settings)
        if "rev" in settings.modes:
            y, pullback = vjp(fun, *x)
            c = [_direction(settings.rng, a) for a in y]
            pulled = pullback(c)
            left, right = _pairing(c, expected), _pairing(pulled, t)
            _compare([np.asarray(right)], [np.asarray(left)], f"{history}rev", settings)
    if order == 1:
        return
    t = [_direction(settings.rng, a) for a in x]
    if "fwd" in settings.modes:
        _check(
            lambda *a: jvp(fun, a, tuple(t))[1],
            x,
            order - 1,
            f"{history}fwd ",
            settings,
        )
    if "rev" in settings.modes:
        c = [_direction(settings.rng, a) for a in fun(*x)]
        _check(
            lambda *a: list(vjp(fun, *a)[1](c)),
            x,
            order - 1,
            f"{history}rev ",
            settings,
        )


def _compare(
    got: Sequence[Any], expected: Sequence[Any], mode: str, settings: _Settings
) -> None:
    order = len(mode.split())
    for j, (a, b) in enumerate(zip(got, expected, strict=True)):
        a, b = np.asarray(a), np.asarray(b)
        error = np.abs(a - b)
        scale = 1 + np.max(np.abs(b), initial=0.0)
        allowed = settings.atol * scale + settings.rtol * np.abs(b)
        bad = ~(error <= allowed) & ~(np.isnan(a) & np.isnan(b))
        if not bad.any():
            continue
        worst = np.unravel_index(np.argmax(np.where(bad, error, -1.0)), error.shape)
        where = f"entry {tuple(map(int, worst))} of " if error.ndim else ""
        raise GradientCheckError(
            f"order {order} ({mode.replace(' ', ' over ')}): {where}output {j} is "
            f"{a[worst]!r}, central differences give {b[worst]!r}: they differ by "
            f"{error[worst]:.3g}, allowed {allowed[worst]:.3g}. If the point is at a "
            "kink, move it; if the function is stiff, change eps."
        )


def _difference(fun: Any, x: list[Any], t: list[Any], eps: float) -> list[Any]:
    plus = fun(*[a + eps * d for a, d in zip(x, t, strict=True)])
    minus = fun(*[a - eps * d for a, d in zip(x, t, strict=True)])
    pairs = zip(plus, minus, strict=True)
    return [(np.asarray(p) - np.asarray(m)) / (2 * eps) for p, m in pairs]


def _pairing(c: Sequence[Any], t: Sequence[Any]) -> float:
    """Re(sum(c * t)) over all leaves."""
    pairs = zip(c, t, strict=True)
    return float(sum(np.real(np.sum(np.asarray(a) * np.asarray(b))) for a, b in pairs))


def _direction(rng: np.random.Generator, like: Any) -> Any:
    aval = ir.typeof(like)
    values = rng.standard_normal(aval.shape)
    if np.issubdtype(aval.dtype, np.complexfloating):
        values = values + 1j * rng.standard_normal(aval.shape)
    return jax.numpy.asarray(values, aval.dtype)


def _widen(x: Any) -> Any:
    """An array in float64 or complex128, integers as they are."""
    array = jax.numpy.asarray(x)
    if not ir.is_inexact(array.dtype):
        return array
    kind = (
        np.complex128 if np.issubdtype(array.dtype, np.complexfloating) else np.float64
    )
    return array.astype(kind)
