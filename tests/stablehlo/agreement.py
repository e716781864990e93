"""A module and its derivatives beside a function and JAX's derivatives of it."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax import numpy as jnp
from jax.extend.core import jaxprs_in_params

import irad
from irad.stablehlo import Module


def check_agrees(module: Module, f: Callable[..., Any], args: Sequence[Any]) -> None:
    """Values equal to the bit, jvp and vjp up to rounding, in one compiled program.

    ``f`` returns an array or a tuple of arrays.
    """
    y = jax.eval_shape(lambda *x: _outputs(f, x), *args)
    t = [_some(x, np.cos) for x in args]
    c = [_some(v, np.sin) for v in y]
    pushed = irad.stablehlo.jvp(module)
    pulled = irad.stablehlo.vjp(module)

    @jax.jit
    def both(args: Any, t: Any, c: Any) -> Any:
        of_module = (
            module(*args),
            pushed(*args, *_present(t)),
            pulled(*args, *_present(c)),
        )
        values, tangents = jax.jvp(lambda *x: _outputs(f, x), args, _all(args, t))
        _, pull = jax.vjp(lambda *x: _outputs(f, x), *args)
        of_jax = (
            _outputs(f, args),
            [*values, *_real(tangents)],
            [*values, *_real(pull(_all(y, c)))],
        )
        return of_module, of_jax

    of_module, of_jax = both(tuple(args), t, c)
    for ours, expected in zip(of_module[0], of_jax[0], strict=True):
        np.testing.assert_array_equal(ours, expected)
    for derivative, theirs in zip(of_module[1:], of_jax[1:], strict=True):
        for ours, expected in zip(derivative, theirs, strict=True):
            assert ours.dtype == expected.dtype
            tolerance = 30 * float(jnp.finfo(ours.dtype).eps) if _is(ours) else 0
            np.testing.assert_allclose(ours, expected, tolerance, tolerance)


def check_differences(module: Module, args: Sequence[Any], step: float = 1e-6) -> None:
    """The jvp against central differences in float64, and the vjp against the jvp."""
    t = [_some(x, np.cos) for x in args]
    y = module(*args)
    c = [_some(v, np.sin) for v in y]

    def moved(sign: float) -> list[Any]:
        pairs = zip(args, t, strict=True)
        return module(*[x if v is None else x + sign * step * v for x, v in pairs])

    pairs = zip(moved(1), moved(-1), strict=True)
    expected = [(a - b) / (2 * step) for a, b in pairs if _is(a)]
    tangents = irad.stablehlo.jvp(module)(*args, *_present(t))[len(y) :]
    for ours, difference in zip(tangents, expected, strict=True):
        np.testing.assert_allclose(ours, difference, 1e-6, 1e-6)
    cotangents = irad.stablehlo.vjp(module)(*args, *_present(c))[len(y) :]
    out, into = _paired(_present(c), tangents), _paired(_present(t), cotangents)
    np.testing.assert_allclose(out, into, 1e-10)


def primitives(module: Module) -> set[str]:
    """The names of the primitives in a raised module, with its calls and bodies."""
    names: set[str] = set()
    waiting = [module.jaxpr]
    while waiting:
        for eqn in waiting.pop().eqns:
            names.add(eqn.primitive.name)
            waiting.extend(jaxprs_in_params(eqn.params))
    return names


def _outputs(f: Callable[..., Any], x: Sequence[Any]) -> list[Any]:
    return jax.tree.leaves(f(*x))


def _is(x: Any) -> bool:
    return bool(jnp.issubdtype(x.dtype, jnp.inexact))


def _some(x: Any, of: Callable[[Any], Any]) -> Any:
    """Numbers in the shape and dtype of ``x``, None where it carries no tangent."""
    if not _is(x):
        return None
    numbers = of(np.arange(x.size) + 1.0).reshape(x.shape)
    if jnp.issubdtype(x.dtype, jnp.complexfloating):
        numbers = numbers + 0.5j * numbers[::-1]
    return numbers.astype(x.dtype)


def _paired(c: Sequence[Any], t: Sequence[Any]) -> Any:
    return sum(np.real(np.sum(a * b)) for a, b in zip(c, t, strict=True))


def _present(xs: Sequence[Any]) -> list[Any]:
    return [x for x in xs if x is not None]


def _real(xs: Sequence[Any]) -> list[Any]:
    return [x for x in xs if x.dtype != jax.dtypes.float0]


def _all(like: Sequence[Any], xs: Sequence[Any]) -> Any:
    zeros = [np.zeros(x.shape, jax.dtypes.float0) for x in like]
    made = [z if x is None else x for x, z in zip(xs, zeros, strict=True)]
    return tuple(made) if isinstance(like, tuple) else made
