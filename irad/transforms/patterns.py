"""The sparsity pattern of a function's Jacobian, for users to look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from irad._compat import ir, scientific
from irad.accumulate import ENGINE
from irad.capture import Captured, capture
from irad.compression.colouring import entries
from irad.compression.detection import detect_split
from irad.compression.pattern import NOTHING, Pattern, stacked, zero
from irad.derivatives import active_inputs, wanted_outputs
from irad.errors import NotLinearError
from irad.staging import Program
from irad.transforms.arguments import (
    ArgNums,
    Arguments,
    as_arrays,
    check_callable,
    check_differentiable_inputs,
    check_differentiable_output,
    normalize_argnums,
    select_arguments,
    wraps,
)
from irad_passes import dce

WIDTH, HEIGHT = 40, 20
SHADES = " ░▒▓█"

_DOC = (
    "Sparsity pattern of the Jacobian of {{fun}} with respect to positional "
    "argument(s) {argnums}."
)


@dataclass(frozen=True, eq=False)
class SparsityPattern:
    """Where a Jacobian may be nonzero: ``(rows[k], columns[k])``, in row-major order.

    Rows count the elements of all outputs, columns those of all differentiated inputs.
    ``print`` shows a picture, whose cells are shaded by density.
    """

    rows: NDArray[np.int32]
    columns: NDArray[np.int32]
    shape: tuple[int, int]

    @property
    def nnz(self) -> int:
        """How many entries may be nonzero."""
        return len(self.rows)

    @property
    def density(self) -> float:
        """Which part of all entries may be nonzero; 0 where there are no entries."""
        return self.nnz / max(1, self.shape[0] * self.shape[1])

    def toscipy(self) -> Any:
        """The pattern as a ``scipy.sparse.csr_array`` of bools."""
        data = np.ones(self.nnz, np.bool_)
        pairs = (self.rows, self.columns)
        return scientific.sparse().csr_array((data, pairs), shape=self.shape)

    def plot(self, ax: Any = None) -> Any:
        """Draws the pattern with matplotlib, on given axes or new ones; returns them.

        Raises:
            ImportError: matplotlib is not installed.
        """
        ax = scientific.pyplot().gca() if ax is None else ax
        ax.spy(self.toscipy(), markersize=max(0.2, min(5.0, 300 / max(self.shape))))
        ax.set_title(self._headline())
        return ax

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SparsityPattern):
            return NotImplemented
        return (
            self.shape == other.shape
            and np.array_equal(self.rows, other.rows)
            and np.array_equal(self.columns, other.columns)
        )

    __hash__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        return "\n".join([self._headline(), *self._picture()])

    __repr__ = __str__

    def _headline(self) -> str:
        m, n = self.shape
        return f"{m} x {n}, {self.nnz} nonzeros ({self.density:.3g} of all)"

    def _picture(self) -> list[str]:
        """Rows of cells, each shaded by how full its part of the matrix is."""
        m, n = self.shape
        height, width = min(m, HEIGHT), min(n, WIDTH)
        if not height or not width:
            return []
        i = self.rows.astype(np.int64) * height // m
        j = self.columns.astype(np.int64) * width // n
        full = np.bincount(i * width + j, minlength=height * width)
        tall = np.bincount(np.arange(m) * height // m)
        wide = np.bincount(np.arange(n) * width // n)
        part = full.reshape(height, width) / np.outer(tall, wide)
        shade = np.ceil(part * (len(SHADES) - 1)).astype(int)
        return ["".join(SHADES[s] for s in row) for row in shade]


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
        captured = _captured(given, has_aux=has_aux)
        pattern = _shown(_pattern(captured))
        if captured.aux is None:
            return pattern
        return pattern, captured.aux(_auxiliary(captured))

    return pattern_of


def _captured(given: Arguments, *, has_aux: bool) -> Captured:
    check_differentiable_inputs(
        "sparsity", given.leaves, holomorphic=False, allow_int=False
    )
    captured = capture(
        given.fun,
        as_arrays(given.leaves),
        given.call,
        has_aux=has_aux,
        purpose="sparsity",
        names=given.names,
    )
    for aval in captured.out_avals:
        check_differentiable_output("sparsity", aval, holomorphic=False)
    return captured


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
