"""The laws that every rule obeys, checked over rows of cases.

A row is one primitive and one shape of trouble. The laws: the value is unchanged; push
is ``jax.jvp``; pull is ``jax.vjp``; push and pull are adjoint; both agree with central
differences (float64); the dense Jacobian has the pushed basis as its columns; and the
second order obeys the first three. One compiled program a row computes all of irad's
side and one all of JAX's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import irad
from tests.compiling import QUICK


@dataclass(frozen=True)
class Case:
    """A function of arrays, its arguments, and how exactly the laws hold for it.

    ``fun`` is differentiated in all floating-point ``args``. ``second`` checks the
    second order, ``numeric`` the central differences (float64 and complex128 only).
    ``cotangents`` makes odd ones, whose pull has JAX's ``signs``, those of zeros too.
    ``like`` is a function of the same values that JAX can differentiate, where it
    cannot ``fun``.
    """

    name: str
    fun: Callable[..., Any]
    args: Sequence[Any]
    rtol: float | None = None
    second: bool = True
    numeric: bool = True
    modes: Sequence[str] = ("fwd", "rev")
    seed: int = 0
    cotangents: Callable[[Any], Any] | None = None
    signs: bool = True
    like: Callable[..., Any] | None = None

    def __str__(self) -> str:
        """The name, which is the test's id."""
        return self.name


TOLERANCE = {2: 2e-2, 4: 2e-5, 8: 1e-10}


def check_laws(case: Case) -> None:
    """Checks all laws on one row; raises AssertionError naming the law."""
    args = [jnp.asarray(x) for x in case.args]
    live = [i for i, x in enumerate(args) if jnp.issubdtype(x.dtype, jnp.inexact)]
    rng = np.random.default_rng(case.seed)

    def fun(*moving: Any, of: Any = case.fun) -> list[Any]:
        full = list(args)
        for i, x in zip(live, moving, strict=True):
            full[i] = x
        leaves = jax.tree_util.tree_leaves(of(*full))
        return [y for y in leaves if jnp.issubdtype(y.dtype, jnp.inexact)]

    def other(*moving: Any) -> list[Any]:
        return fun(*moving, of=case.like or case.fun)

    x = [args[i] for i in live]
    t = [_direction(rng, a) for a in x]
    y = jax.eval_shape(fun, *x)
    c = case.cotangents(y) if case.cotangents else [_direction(rng, a) for a in y]
    compiled = partial(jax.jit, compiler_options=QUICK)
    ours = compiled(lambda *a: _quantities(irad, fun, a, t, c, case))(*x)
    theirs = compiled(lambda *a: _quantities(jax, other, a, t, c, case))(*x)
    rtol = case.rtol or max([TOLERANCE[_width(a)] for a in [*x, *y]], default=1e-10)
    for law, expected in theirs.items():
        _close(law, case.name, ours[law], expected, rtol)
    if case.cotangents is not None and case.signs and "pull" in ours:
        _check_signs(case, ours["pull"], theirs["pull"])
    if case.cotangents is None and "push" in ours and "pull" in ours:
        _check_adjoint(case, ours, t, c, rtol)
    doubles = all(_width(a) == 8 for a in [*x, *y])
    if case.numeric and doubles and "push" in ours:
        _check_differences(case, fun, x, t, ours["push"])


def _quantities(
    ad: Any, fun: Any, x: Any, t: Any, c: Any, case: Case
) -> dict[str, Any]:
    """What the laws compare, by irad or by JAX."""
    found: dict[str, Any] = {}

    def push(*a: Any) -> Any:
        return ad.jvp(fun, a, tuple(t))[1]

    def pull(*a: Any) -> Any:
        return ad.vjp(fun, *a)[1](list(c))

    if "fwd" in case.modes:
        found["value"], found["push"] = ad.jvp(fun, tuple(x), tuple(t))
        found["linearized"] = ad.linearize(fun, *x)[1](*t)
    if "rev" in case.modes:
        found["pull"] = pull(*x)
    small_real = sum(a.size for a in x) <= 64 and not any(map(jnp.iscomplexobj, x))
    if small_real and "fwd" in case.modes:
        found["dense"] = ad.jacfwd(fun, tuple(range(len(x))))(*x)
    if case.second:
        if "fwd" in case.modes:
            found["push of push"] = ad.jvp(push, tuple(x), tuple(t))[1]
        if set(case.modes) == {"fwd", "rev"}:
            found["push of pull"] = ad.jvp(pull, tuple(x), tuple(t))[1]
        if "rev" in case.modes:
            found["pull of pull"] = ad.vjp(pull, *x)[1](tuple(t))
    return found


def _direction(rng: np.random.Generator, like: Any) -> Any:
    values = rng.standard_normal(like.shape)
    if jnp.issubdtype(like.dtype, jnp.complexfloating):
        values = values + 1j * rng.standard_normal(like.shape)
    return jnp.asarray(values, like.dtype)


def _width(a: Any) -> int:
    bits = jnp.finfo(a.dtype).bits
    return bits // 8


def _close(law: str, name: str, ours: Any, expected: Any, rtol: float) -> None:
    ours_leaves, ours_tree = jax.tree_util.tree_flatten(ours)
    leaves, tree = jax.tree_util.tree_flatten(expected)
    assert ours_tree == tree, f"{name}: {law}: tree {ours_tree}, expected {tree}"
    for a, b in zip(ours_leaves, leaves, strict=True):
        assert a.dtype == b.dtype, f"{name}: {law}: {a.dtype}, expected {b.dtype}"
        wide = np.complex128 if jnp.iscomplexobj(b) else np.float64
        a, b = np.asarray(a).astype(wide), np.asarray(b).astype(wide)
        scale = np.max(np.abs(b[np.isfinite(b)]), initial=0.0)
        np.testing.assert_allclose(
            a, b, rtol=rtol, atol=rtol * scale, err_msg=f"{name}: {law}"
        )


def _check_signs(case: Case, ours: Any, theirs: Any) -> None:
    """What odd cotangents are pulled back to has JAX's signs, those of zeros too."""
    for a, b in zip(ours, theirs, strict=True):
        for x, y in ((a.real, b.real), (a.imag, b.imag)):
            x, y = (np.where(np.isnan(p), 1, p) for p in (x, y))
            np.testing.assert_array_equal(
                np.signbit(x), np.signbit(y), err_msg=f"{case.name}: signs"
            )


def _check_adjoint(case: Case, ours: Any, t: Any, c: Any, rtol: float) -> None:
    """<c, J t> = <J^T c, t>, with the pairing Re(sum(c * t))."""
    left = [
        np.sum(np.asarray(a).astype(_wide(a)) * _as(b))
        for a, b in zip(c, ours["push"], strict=True)
    ]
    right = [
        np.sum(np.asarray(a).astype(_wide(a)) * _as(b))
        for a, b in zip(ours["pull"], t, strict=True)
    ]
    lhs, rhs = np.real(sum(left)), np.real(sum(right))
    size = sum(np.abs(left)) + sum(np.abs(right))
    terms = max([np.asarray(a).size for a in [*c, *t]], default=1)
    if np.isfinite(size):
        assert abs(lhs - rhs) <= 10 * rtol * (size + terms), f"{case.name}: adjoint"


def _wide(a: Any) -> Any:
    return np.complex128 if jnp.iscomplexobj(a) else np.float64


def _as(a: Any) -> Any:
    return np.asarray(a).astype(_wide(a))


def _check_differences(case: Case, fun: Any, x: Any, t: Any, pushed: Any) -> None:
    """The push agrees with central differences along ``t``."""
    step = 1e-6
    plus = fun(*[a + step * d for a, d in zip(x, t, strict=True)])
    minus = fun(*[a - step * d for a, d in zip(x, t, strict=True)])
    for j, (p, m, got) in enumerate(zip(plus, minus, pushed, strict=True)):
        expected = (np.asarray(p) - np.asarray(m)) / (2 * step)
        scale = 1 + np.max(np.abs(expected), initial=0.0) + np.max(np.abs(p), initial=0)
        np.testing.assert_allclose(
            np.asarray(got),
            expected,
            rtol=1e-5,
            atol=1e-6 * scale,
            err_msg=f"{case.name}: central differences of output {j}",
        )
