"""The sparsity pattern of a function's Jacobian, for users to look at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from irad._compat import ir
from irad.accumulate import ENGINE
from irad.capture import Captured
from irad.compression.colouring import entries
from irad.compression.detection import detect_split
from irad.compression.pattern import NOTHING, Pattern, stacked, zero
from irad.compression.picture import SparsityPattern
from irad.derivatives import active_inputs, wanted_outputs
from irad.errors import NotLinearError
from irad.staging import Program
from irad.transforms.arguments import (
    ArgNums,
    check_callable,
    normalize_argnums,
    select_arguments,
    wraps,
)
from irad.transforms.jacobians import capture_reverse
from irad_passes import dce

_DOC = (
    "Sparsity pattern of the Jacobian of {{fun}} with respect to positional "
    "argument(s) {argnums}."
)


def sparsity(
    fun: Callable[..., Any], argnums: ArgNums = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """Where the Jacobian of a function may be nonzero, without computing it.

    Found by following the derivative program with sets in place of numbers, at a cost
    that grows with the number of nonzeros. It covers the nonzeros at every point:
    values of ``fun``'s arguments count as unknown, while index arrays and masks that
    are constants of ``fun`` count as they are. Where what an element depends on is
    decided by values, all that it may depend on counts.

    Args:
        fun: a function of arrays or trees of arrays.
        argnums: which positional arguments to differentiate in: an int, or several.
        has_aux: whether ``fun`` returns ``(output, auxiliary)``.

    Returns:
        A function of the same arguments that gives a ``SparsityPattern``, the elements
        of all outputs by those of all differentiated inputs; or that and the auxiliary.

    Raises:
        TypeError: an input or output is not real.

    Source: Griewank & Walther (2008), section 7.1.

    Example:
        >>> import irad, jax.numpy as jnp
        >>> pattern = irad.sparsity(lambda x: x[1:] * x[:-1])(jnp.ones(5))
        >>> pattern.rows.tolist(), pattern.columns.tolist()
        ([0, 0, 1, 1, 2, 2, 3, 3], [0, 1, 1, 2, 2, 3, 3, 4])
        >>> print(str(pattern).replace(" ", "."))
        4.x.5,.8.nonzeros.(0.4.of.all)
        ██...
        .██..
        ..██.
        ...██
    """
    check_callable(fun)
    argnums = normalize_argnums(argnums)

    @wraps(fun, _DOC.format(argnums=argnums))
    def pattern_of(*args: Any, **kwargs: Any) -> Any:
        given = select_arguments(fun, argnums, args, kwargs)
        captured = capture_reverse(
            given, "sparsity", has_aux=has_aux, holomorphic=False, allow_int=False
        )
        pattern = _shown(_pattern(captured))
        if captured.aux is None:
            return pattern
        return pattern, captured.aux(_auxiliary(captured))

    return pattern_of


def _auxiliary(captured: Captured) -> list[Any]:
    """The values of the auxiliary's traced leaves."""
    jaxpr = captured.jaxpr
    alone = dce(jaxpr.replace(outvars=jaxpr.outvars[captured.num_outputs :]))
    return Program(ir.closed_jaxpr(alone), "auxiliary")(captured.inputs)


def _pattern(captured: Captured) -> Pattern:
    """All outputs by all inputs, from the tangent program if there is one."""
    try:
        return _detected(captured, reverse=False)
    except NotLinearError:
        # A custom rule that has no tangent program: what its cotangents depend on.
        return _detected(captured, reverse=True)


def _detected(captured: Captured, *, reverse: bool) -> Pattern:
    jaxpr, k, m = captured.jaxpr, captured.num_consts, captured.num_outputs
    make = ENGINE.vjp if reverse else ENGINE.linearize
    split = make(jaxpr, active_inputs(jaxpr, k), wanted_outputs(jaxpr, m))
    full = split.forward.jaxpr
    residuals = split.residuals(full.invars, full.outvars[len(jaxpr.outvars) :])
    values = dict(zip(full.invars[:k], captured.inputs[:k], strict=True))
    found = detect_split(split.forward, residuals, split.linear, values).patterns
    sizes = [aval.size for aval in captured.out_avals]
    carries = split.carries[:m]
    carried = [size for size, on in zip(sizes, carries, strict=True) if on]
    columns = [aval.size for aval in captured.in_avals]
    results, n = (columns, sum(carried)) if reverse else (carried, sum(columns))
    rest = iter(found)
    parts = [
        zero(size, n) if empty else next(rest)
        for size, empty in zip(results, split.zeros, strict=True)
    ]
    live = stacked([zero(0, n), *parts])
    live = live.transpose() if reverse else live
    on = np.repeat(carries, sizes)
    return live.take(np.where(on, np.cumsum(on) - 1, NOTHING))


def _shown(pattern: Pattern) -> SparsityPattern:
    rows, columns = entries(pattern)
    return SparsityPattern(rows, columns, pattern.shape)
