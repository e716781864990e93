"""Matrix chains of Jacobians: which sections to push, to pull, or to multiply.

The dynamic programme over the cuts of a program, with matrix-free products: a Jacobian
that is known can be pushed or pulled through the next section at the price of its
columns or rows, or multiplied with that section's own Jacobian.

Source: Naumann, Strelau, Optimization of generalized Jacobian chain products without
memory constraints (2020), section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True)
class Push:
    """The Jacobian from ``before`` (the identity if None) pushed on to a cut."""

    before: Tree | None
    start: int
    stop: int


@dataclass(frozen=True)
class Pull:
    """The Jacobian to ``after`` (the identity if None) pulled back to a cut."""

    after: Tree | None
    start: int
    stop: int


@dataclass(frozen=True)
class Product:
    """The Jacobian of ``after`` times that of ``before``, both dense."""

    before: Tree
    after: Tree


Tree = Push | Pull | Product


def is_plain(tree: Tree) -> bool:
    """Whether the tree is one push or one pull of the whole chain."""
    return (isinstance(tree, Push) and tree.before is None) or (
        isinstance(tree, Pull) and tree.after is None
    )


def describe(tree: Tree) -> str:
    """A tree in a line: ``(pull 1-3) x (push 0-1)``."""
    match tree:
        case Push(None, start, stop):
            return f"push {start}-{stop}"
        case Pull(None, start, stop):
            return f"pull {start}-{stop}"
        case Push(before, start, stop):
            assert before is not None
            return f"push {start}-{stop} of ({describe(before)})"
        case Pull(after, start, stop):
            assert after is not None
            return f"pull {start}-{stop} of ({describe(after)})"
        case Product(before, after):
            return f"({describe(after)}) x ({describe(before)})"


def best(
    widths: Sequence[int], pushes: Sequence[float], pulls: Sequence[float]
) -> tuple[float, Tree]:
    """The cheapest tree and its flops.

    ``widths`` are the elements at each cut, ``pushes`` and ``pulls`` the flops of one
    tangent or cotangent through each section between them.
    """
    count = len(pushes)
    push = [0.0, *accumulate(pushes)]
    pull = [0.0, *accumulate(pulls)]
    found: dict[tuple[int, int], tuple[float, Tree]] = {}
    for length in range(1, count + 1):
        for i in range(count - length + 1):
            j = i + length
            options: list[tuple[float, Tree]] = [
                (widths[i] * (push[j] - push[i]), Push(None, i, j)),
                (widths[j] * (pull[j] - pull[i]), Pull(None, i, j)),
            ]
            for k in range(i + 1, j):
                first, before = found[i, k]
                second, after = found[k, j]
                product = 2.0 * widths[i] * widths[k] * widths[j]
                onward = widths[i] * (push[j] - push[k])
                back = widths[j] * (pull[k] - pull[i])
                options += [
                    (first + second + product, Product(before, after)),
                    (first + onward, Push(before, k, j)),
                    (second + back, Pull(after, i, k)),
                ]
            found[i, j] = min(options, key=lambda option: option[0])
    return found[0, count]
