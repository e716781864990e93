"""Rules of the reductions over windows: pooling, and selecting with scatter and gather.

The maximum of a window is its first greatest element in row-major order, and it alone
has a derivative; likewise the minimum. For windows of few elements the position of
that element is computed along with the maximum, and tangents are selected by it: a pull
reads and writes every element once or twice, where scattering window by window, as
XLA's select-and-scatter does on CPU, takes ten times as long.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from itertools import product
from typing import Any

import numpy as np
from jax import lax
from jax import numpy as jnp

from irad._compat import ir, mesh
from irad._compat.storing import stored_p
from irad.linear_map import Apply, Array, Blocks, Function, bind
from irad.rules.reduce import elementwise_reducer
from irad.rules.registry import (
    Cases,
    Equation,
    Replaced,
    Rewritten,
    Rule,
    WrittenOut,
    by_case,
    linear,
    linear_in,
    register,
    unsupported,
)

FEW = 64
"""The most elements of a window that is read element by element."""


@dataclass(frozen=True)
class Windows:
    """Where windows lie over an operand of some shape.

    The operand has ``base_dilation - 1`` holes between its elements and is padded;
    window ``m`` reads at ``m * stride + k * dilation`` for ``k < size``, on every axis.
    """

    shape: tuple[int, ...]
    size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    base_dilation: tuple[int, ...]
    dilation: tuple[int, ...]

    @classmethod
    def of(cls, params: dict[str, Any], shape: tuple[int, ...]) -> Windows:
        """The windows of an equation with these params."""
        ones = (1,) * len(shape)
        return cls(
            tuple(shape),
            tuple(params["window_dimensions"]),
            tuple(params["window_strides"]),
            tuple(params["padding"]),
            tuple(params.get("base_dilation", ones)),
            tuple(params.get("window_dilation", ones)),
        )

    @property
    def dilated(self) -> list[int]:
        """The shape of the operand with its holes."""
        pairs = zip(self.shape, self.base_dilation, strict=True)
        return [max((n - 1) * b + 1, 0) for n, b in pairs]

    @property
    def span(self) -> list[int]:
        """The extent of a window with its holes."""
        pairs = zip(self.size, self.dilation, strict=True)
        return [(k - 1) * d + 1 for k, d in pairs]

    @property
    def count(self) -> list[int]:
        """How many windows there are along each axis."""
        axes = zip(self.dilated, self.padding, self.span, self.stride, strict=True)
        return [max((n + lo + hi - w) // s + 1, 0) for n, (lo, hi), w, s in axes]

    def offsets(self) -> Iterator[tuple[int, ...]]:
        """Where the elements of a window are, in row-major order."""
        for k in product(*map(range, self.size)):
            yield tuple(k_d * d for k_d, d in zip(k, self.dilation, strict=True))

    def elements(self, x: Array, fill: Any) -> Iterator[Array]:
        """The first element of all windows, the second, and so on."""
        config = [
            (lo, hi, b - 1)
            for (lo, hi), b in zip(self.padding, self.base_dilation, strict=True)
        ]
        padded = lax.pad(x, fill, config) if any(map(any, config)) else x
        count, stride = self.count, self.stride
        for offset in self.offsets():
            axes = zip(offset, count, stride, strict=True)
            limits = [o + max((m - 1) * s + 1, 0) for o, m, s in axes]
            yield lax.slice(padded, offset, limits, stride)

    def inside(self, offset: Sequence[int]) -> Array | None:
        """Whether the element at an offset is one of the operand, for all windows.

        None if it always is; an element of the padding, or a hole, is not.
        """
        axes = zip(offset, self.count, self.stride, self.padding, strict=True)
        places = [o + np.arange(m) * s - lo for o, m, s, (lo, _) in axes]
        masks = [
            (at >= 0) & (at < n) & (at % b == 0)
            for at, n, b in zip(places, self.dilated, self.base_dilation, strict=True)
        ]
        if all(mask.all() for mask in masks):
            return None
        return jnp.asarray(reduce(np.logical_and.outer, masks))

    def put_back(self, parts: Sequence[Array]) -> Array:
        """The transpose of ``elements``: adds each part where it was read.

        Offsets that are equal modulo the strides fall on the same elements, others on
        different ones: sums are taken for each such phase, and the phases interleaved.
        """
        phases: dict[tuple[int, ...], Array] = {}
        reach = [(w - 1) // s for w, s in zip(self.span, self.stride, strict=True)]
        for offset, part in zip(self.offsets(), parts, strict=True):
            pairs = zip(offset, self.stride, strict=True)
            steps, phase = zip(*[divmod(o, s) for o, s in pairs], strict=True)
            config = [(a, r - a, 0) for a, r in zip(steps, reach, strict=True)]
            moved = lax.pad(part, _zero(part), config) if any(reach) else part
            before = phases.get(phase)
            phases[phase] = moved if before is None else lax.add(before, moved)
        whole = _interleaved(phases, self.stride)
        axes = zip(self.padding, self.dilated, whole.shape, strict=True)
        config = [(-lo, n + lo - m, 0) for (lo, _), n, m in axes]
        inside = (
            lax.pad(whole, _zero(whole), config) if any(map(any, config)) else whole
        )
        if all(b == 1 for b in self.base_dilation):
            return inside
        return lax.slice(inside, [0] * inside.ndim, inside.shape, self.base_dilation)


def _interleaved(phases: dict[tuple[int, ...], Array], stride: Sequence[int]) -> Array:
    """The array whose every ``stride``-th elements are the phases, absent ones 0."""
    for axis, s in enumerate(stride):
        if s == 1:
            continue
        groups: dict[tuple[int, ...], list[Array | None]] = {}
        for phase, x in phases.items():
            rest = (*phase[:axis], 0, *phase[axis + 1 :])
            groups.setdefault(rest, [None] * s)[phase[axis]] = x
        phases = {rest: _woven(xs, axis) for rest, xs in groups.items()}
    (whole,) = phases.values()
    return whole


def _woven(xs: Sequence[Array | None], axis: int) -> Array:
    one = next(x for x in xs if x is not None)
    stacked = lax.stack(
        [lax.full_like(one, 0) if x is None else x for x in xs], axis=axis + 1
    )
    shape = list(one.shape)
    shape[axis] *= len(xs)
    return lax.reshape(stacked, shape)


def _zero(x: Array) -> Any:
    return np.zeros((), x.dtype)


def has_few(params: dict[str, Any]) -> bool:
    """Whether windows are read element by element."""
    return math.prod(params["window_dimensions"]) <= FEW


# Sums ---------------------------------------------------------------------------------


def _sum_of_windows(c: Array, J: Apply) -> Array:
    """Every element sums the cotangents of the windows it is in: windows over ``c``."""
    over = Windows.of(J.params, J.domain.shape)
    config = [
        (w - 1 - lo, n + lo - max((m - 1) * s + 1, 0), s - 1)
        for (lo, _), w, n, m, s in zip(
            over.padding, over.span, over.dilated, c.shape, over.stride, strict=True
        )
    ]
    params = {
        **J.params,
        "window_strides": over.base_dilation,
        "padding": ((0, 0),) * c.ndim,
        "base_dilation": (1,) * c.ndim,
    }
    return bind(J.primitive, [lax.pad(c, _zero(c), config)], params)


linear(lax.reduce_window_sum_p, _sum_of_windows)

# Maxima and minima --------------------------------------------------------------------

Compare = Callable[[Array, Array], Array]


def _pool(compare: Compare, choose: Compare, worst: float, eqn: Equation) -> Any:
    """The extrema of windows, and the selection of a tangent from each window."""
    (x,) = eqn.x
    windows = Windows.of(eqn.params, x.shape)
    elements = enumerate(windows.elements(x, np.asarray(worst, x.dtype)))
    _, best = next(elements)
    y, which = best, lax.full_like(best, 0, dtype=np.int8)
    for k, element in elements:
        holds = compare(best, element)
        best = lax.select(holds, best, element)
        which = lax.select(holds, which, lax.full_like(which, k))
        y = choose(y, element)

    def push(which: Array, t: Array) -> Array:
        elements = enumerate(windows.elements(t, _zero(t)))
        _, chosen = next(elements)
        for k, element in elements:
            chosen = lax.select(_is(which, k), element, chosen)
        return chosen

    def pull(which: Array, c: Array) -> Array:
        c = stored_p.bind(c)
        zero = lax.full_like(c, 0)
        parts = [
            lax.select(_is(which, k), c, zero) for k in range(math.prod(windows.size))
        ]
        return windows.put_back(parts)

    domain, codomain = (ir.tangent_aval(ir.typeof(a)) for a in (x, y))
    J = Function(domain, codomain, stored_p.bind(which), push, pull)
    return (y,), Blocks(((J,),))


def _is(which: Array, k: int) -> Array:
    return lax.eq(which, lax.full_like(which, k))


def _selected_tangent(select: Any) -> Rule:
    """The tangent by select-and-gather, for windows of many elements."""

    def tangent(y: Array, x: Any, t: Any, **params: Any) -> Array:
        del y
        return bind(
            lax.select_and_gather_add_p, [*t, *x], {**params, "select_prim": select}
        )

    return WrittenOut(tangent)


def _by_size(few: Rule, many: Rule) -> Cases:
    def choose(params: Any, avals: Any, active: Any) -> Rule | None:
        del avals, active
        if has_few(params):
            return few
        return None if any(d != 1 for d in params["window_dilation"]) else many

    return Cases(choose)


register(
    lax.reduce_window_max_p,
    _by_size(
        Replaced("pool", partial(_pool, lax.ge, lax.max, -np.inf)),
        _selected_tangent(lax.ge_p),
    ),
)
register(
    lax.reduce_window_min_p,
    _by_size(
        Replaced("pool", partial(_pool, lax.le, lax.min, np.inf)),
        _selected_tangent(lax.le_p),
    ),
)

# Any function -------------------------------------------------------------------------


@by_case(lax.reduce_window_p)
def _reduce_window(params: Any, avals: Any, active: Any) -> Rule | None:
    """Windows of many elements are left to JAX, which has forward mode only."""
    del avals, active
    return Rewritten(_folded) if has_few(params) else None


def _folded(
    *operands: Array, jaxpr: Any, consts: Any, **params: Any
) -> Sequence[Array]:
    """Reduces the first elements of all windows with the second, and so on.

    As in XLA, padding takes no part: a function need not be differentiable there.
    """
    k = len(operands) // 2
    xs, init = operands[:k], operands[k:]
    windows = Windows.of(params, xs[0].shape)
    body = ir.closed_jaxpr(jaxpr, consts) if consts else ir.closed(jaxpr)
    scalars = ir.jaxpr_as_fun(body)
    y = [
        mesh.varying_as(lax.broadcast(a, windows.count), x)
        for a, x in zip(init, xs, strict=True)
    ]
    elements = [windows.elements(x, a) for x, a in zip(xs, init, strict=True)]
    for offset, *element in zip(windows.offsets(), *elements, strict=True):
        after = elementwise_reducer(scalars, y, element)
        inside = windows.inside(offset)
        y = (
            after
            if inside is None
            else [lax.select(inside, *pair) for pair in zip(after, y, strict=True)]
        )
    return y


# Select and scatter, select and gather ------------------------------------------------


def _gathered(c: Array, J: Apply) -> Array:
    ones = (1,) * c.ndim
    params = {**J.params, "base_dilation": ones, "window_dilation": ones}
    return bind(lax.select_and_gather_add_p, [c, J.others[1]], params)


def _scattered(c: Array, J: Apply) -> Array:
    """Scatters into the operand with its holes, which are never selected."""
    params = dict(J.params)
    params.pop("window_dilation")
    base = params.pop("base_dilation")
    x = J.others[1]
    if all(b == 1 for b in base):
        return bind(lax.select_and_scatter_add_p, [c, x], params)
    worst = -np.inf if params["select_prim"] is lax.ge_p else np.inf
    holed = lax.pad(x, np.asarray(worst, x.dtype), [(0, 0, b - 1) for b in base])
    placed = bind(lax.select_and_scatter_add_p, [c, holed], params)
    return lax.slice(placed, [0] * x.ndim, placed.shape, base)


linear(lax.select_and_scatter_add_p, _gathered)


@by_case(lax.select_and_gather_add_p)
def _select_and_gather(params: Any, avals: Any, active: Any) -> Rule | None:
    """With dilated windows as JAX, which has forward mode only."""
    del avals, active
    if any(d != 1 for d in params["window_dilation"]):
        return None
    return linear_in(_scattered)


unsupported(
    lax.select_and_scatter_p,
    "scatters by any function, and JAX has no derivative of it; no public function of "
    "JAX makes one",
)
