"""Networks of tanh layers: their Jacobian is a chain of matrices, wide and narrow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks.programs.derivative import Derivative
from benchmarks.programs.program import Draw, Size

SOURCE = (
    "Naumann, On the computational complexity of the chain rule of differential "
    "calculus (2021), arXiv:2107.05355; by hand in the order of Cormen et al., "
    "Introduction to algorithms (2022), 14.2"
)
# From the input's width to the output's.
WIDTHS: dict[Size, dict[str, tuple[int, ...]]] = {
    "small": {
        "bottleneck": (60, 60, 3, 60, 60),
        "deep bottleneck": (60, 60, 60, 3, 60, 60, 60),
        "layered widths": (30, 4, 40, 40, 2, 50, 50, 20),
        "square network": (40, 40, 40),
        "tall network": (4, 40, 80),
        "wide network": (80, 40, 4),
    },
    "full": {
        "bottleneck": (500, 500, 5, 500, 500),
        "deep bottleneck": (500, 500, 500, 5, 500, 500, 500),
        "layered widths": (200, 10, 300, 300, 8, 400, 400, 100),
        "square network": (1000, 1000, 1000),
        "tall network": (10, 500, 1000),
        "wide network": (1000, 500, 10),
    },
}


def network() -> Callable[..., jax.Array]:
    def fun(x: jax.Array, weights: list[jax.Array]) -> jax.Array:
        for w in weights:
            x = jnp.tanh(w @ x)
        return x

    return fun


def chain(x: jax.Array, weights: list[jax.Array]) -> jax.Array:
    """The product of D_l W_l over the layers, D_l the slopes of layer l."""
    slopes = []
    for w in weights:
        x = jnp.tanh(w @ x)
        slopes.append(1 - x * x)
    return _Chain(weights, slopes).product()


class _Chain:
    """The cheapest order of a chain of matrices with diagonals between them.

    A diagonal scales the smaller of its two neighbours; the last one scales the
    smallest product that has all its rows.
    """

    def __init__(self, weights: list[jax.Array], slopes: list[jax.Array]) -> None:
        self._weights, self._slopes = weights, slopes
        widths = (weights[0].shape[1], *(w.shape[0] for w in weights))
        self._split = cheapest(widths)
        self._entries = lambda first, last: widths[last + 1] * widths[first]

    def product(self) -> jax.Array:
        """All of it, the last diagonal too."""
        return self._product(0, len(self._weights) - 1, is_scaled=True)

    def _product(self, first: int, last: int, *, is_scaled: bool) -> jax.Array:
        """Layers ``first`` to ``last``, its own last diagonal only if ``is_scaled``."""
        here = is_scaled and self._is_smallest(first, last)
        if first == last:
            found = self._weights[first]
        else:
            middle = self._split(first, last)
            outer = self._product(middle + 1, last, is_scaled=is_scaled and not here)
            inner = self._product(first, middle, is_scaled=False)
            d = self._slopes[middle]
            if outer.size <= inner.size:
                found = (outer * d) @ inner
            else:
                found = outer @ (d[:, None] * inner)
        return self._slopes[last][:, None] * found if here else found

    def _is_smallest(self, first: int, last: int) -> bool:
        """Whether no product to the left of this one has fewer entries."""
        here, start = self._entries(first, last), first
        while start < last:
            start = self._split(start, last) + 1
            if self._entries(start, last) < here:
                return False
        return True


def cheapest(widths: Sequence[int]) -> Callable[[int, int], int]:
    """Where to split layers ``first`` to ``last`` for the fewest multiplications."""

    @cache
    def best(first: int, last: int) -> tuple[int, int]:
        if first == last:
            return 0, first
        return min(
            (
                best(first, k)[0]
                + best(k + 1, last)[0]
                + widths[first] * widths[k + 1] * widths[last + 1],
                k,
            )
            for k in range(first, last)
        )

    return lambda first, last: best(first, last)[1]


def programs(size: Size) -> list[Derivative]:
    def arguments(widths: tuple[int, ...]) -> tuple[Any, ...]:
        draw = Draw()
        weights = [draw.weights(m, n).T for m, n in pairwise(widths)]
        return draw.normal(widths[0]), weights

    return [
        Derivative(
            name=name,
            make=network,
            arguments=lambda widths=widths: arguments(widths),
            by_hand=chain,
            source=SOURCE,
        )
        for name, widths in WIDTHS[size].items()
    ]
