"""Patterns of convolutions and of sums over windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from irad.compression.pattern import Array, Pattern, size
from irad.compression.site import (
    Patterns,
    Site,
    numbers_of,
    reduced,
    united,
)


@dataclass(frozen=True)
class Axis:
    """A window moving along one axis: ``n`` elements, ``m`` results, ``k`` taps."""

    n: int
    m: int
    k: int
    stride: int
    low: int
    n_dilation: int
    k_dilation: int

    def triples(self) -> tuple[Array, Array, Array]:
        """All (result, element, tap) that meet."""
        o, k = np.indices((self.m, self.k)).reshape(2, -1)
        at = o * self.stride - self.low + k * self.k_dilation
        i, between = np.divmod(at, self.n_dilation)
        meet = (between == 0) & (i >= 0) & (i < self.n)
        return o[meet], i[meet], k[meet]


def _related(
    pairs: Sequence[tuple[Array, Array]], m: Sequence[int], n: Sequence[int]
) -> tuple[Array, Array]:
    """Flat (result, element) over all axes, from those along each."""
    results = elements = np.zeros(1, np.int64)
    for (o, i), m_d, n_d in zip(pairs, m, n, strict=True):
        results = (results[:, None] * m_d + o).ravel()
        elements = (elements[:, None] * n_d + i).ravel()
    return results, elements


def _distinct(a: Array, b: Array) -> tuple[Array, Array]:
    """Pairs without repetition."""
    if not len(a):
        return a, b
    width = int(b.max()) + 1
    keys = np.unique(a.astype(np.int64) * width + b)
    return keys // width, keys % width


def reduce_window(site: Site) -> Patterns:
    """A sum over a window: every element in it."""
    params = site.params
    (p,) = [p for _, p in site.active()]
    n, m = site.shape(0), site.out_shape
    dims = len(n)
    axes = [
        Axis(
            n[d],
            m[d],
            params["window_dimensions"][d],
            params["window_strides"][d],
            params["padding"][d][0],
            (params.get("base_dilation") or (1,) * dims)[d],
            (params.get("window_dilation") or (1,) * dims)[d],
        )
        for d in range(dims)
    ]
    results, elements = _related([axis.triples()[:2] for axis in axes], m, n)
    return [p.gathered(results, elements, size(m))]


def convolution(site: Site) -> Patterns:
    """Every input under the window, or every tap that meets the input."""
    lhs, rhs = site.patterns
    parts = []
    if lhs is not None:
        parts.append(_of_input(site, lhs))
    if rhs is not None:
        parts.append(_of_kernel(site, rhs))
    return [united(parts)]


def _axes(site: Site) -> list[Axis]:
    params, numbers = site.params, site.params["dimension_numbers"]
    x, w, y = site.shape(0), site.shape(1), site.out_shape
    along = zip(
        numbers.lhs_spec[2:], numbers.rhs_spec[2:], numbers.out_spec[2:], strict=True
    )
    return [
        Axis(
            x[i],
            y[o],
            w[k],
            params["window_strides"][d],
            params["padding"][d][0],
            params["lhs_dilation"][d],
            params["rhs_dilation"][d],
        )
        for d, (i, k, o) in enumerate(along)
    ]


def _of_input(site: Site, p: Pattern) -> Pattern:
    """Result (n, f, o): inputs of the batch and the features of its group, in reach."""
    params, numbers = site.params, site.params["dimension_numbers"]
    x, axes = site.shape(0), _axes(site)
    spec = numbers.lhs_spec
    batch, features = x[spec[0]], x[spec[1]]
    groups, batches = params["feature_group_count"], params["batch_group_count"]
    space = [axis.n for axis in axes]
    p = p.take(numbers_of(x).transpose(spec))
    shape = (batches, batch // batches, groups, features // groups, *space)
    p = reduced(p, shape, [3])
    m = [axis.m for axis in axes]
    lead = [batches, batch // batches, groups]
    pairs = [(np.arange(k), np.arange(k)) for k in lead]
    pairs += [_distinct(*axis.triples()[:2]) for axis in axes]
    results, elements = _related(pairs, [*lead, *m], [*lead, *space])
    p = p.gathered(results, elements, size([*lead, *m]))
    out = site.out_shape[numbers.out_spec[1]]
    own = numbers_of([*lead, *m])
    # Of the two kinds of groups one is single; features are numbered groups first.
    own = np.moveaxis(own, 1, 0).reshape(batch // batches, batches * groups, *m)
    return _in_layout(site, p, np.repeat(own, out // (batches * groups), axis=1))


def _of_kernel(site: Site, p: Pattern) -> Pattern:
    """Result (n, f, o): the taps of feature f that lie on the input."""
    numbers = site.params["dimension_numbers"]
    w, axes = site.shape(1), _axes(site)
    spec = numbers.rhs_spec
    out, features = w[spec[0]], w[spec[1]]
    taps = [axis.k for axis in axes]
    p = p.take(numbers_of(w).transpose(spec))
    p = reduced(p, (out, features, *taps), [1])
    m = [axis.m for axis in axes]
    pairs = [(np.arange(out), np.arange(out))]
    pairs += [_distinct(*axis.triples()[::2]) for axis in axes]
    results, elements = _related(pairs, [out, *m], [out, *taps])
    p = p.gathered(results, elements, size([out, *m]))
    batch = site.out_shape[numbers.out_spec[0]]
    own = np.broadcast_to(numbers_of([out, *m]), (batch, out, *m))
    return _in_layout(site, p, own)


def _in_layout(site: Site, p: Pattern, own: Array) -> Pattern:
    """A result numbered (n, f, o), in the layout that is asked for."""
    spec = site.params["dimension_numbers"].out_spec
    return p.take(own.transpose(np.argsort(spec)))


# Contractions -------------------------------------------------------------------------


def dot_general(site: Site) -> Patterns:
    """Every element along the contracted axes of the row and the column that meet."""
    (contracted, batch), shapes = (
        site.params["dimension_numbers"],
        [site.shape(0), site.shape(1)],
    )
    free = [
        [d for d in range(len(shapes[i])) if d not in (*contracted[i], *batch[i])]
        for i in range(2)
    ]
    parts = []
    for i, p in site.active()[:2]:
        shape = shapes[i]
        order = [*batch[i], *free[i]]
        kept = numbers_of([1 if d in contracted[i] else n for d, n in enumerate(shape)])
        kept = kept.transpose([*order, *contracted[i]])
        kept = kept.reshape([shape[d] for d in order])
        before, after = (free[0], []) if i else ([], free[1])
        k = len(batch[i])
        sizes = [*kept.shape[:k], *([1] * len(before)), *kept.shape[k:]]
        kept = kept.reshape([*sizes, *([1] * len(after))])
        index = np.broadcast_to(kept, site.out_shape)
        parts.append(reduced(p, shape, contracted[i]).take(index))
    return [united(parts)]
