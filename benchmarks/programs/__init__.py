"""The programs that are measured, one file a family."""

import functools
import itertools
from collections.abc import Sequence

from benchmarks.programs import (
    bottlenecks,
    bundle,
    chains,
    convolutional,
    curvature,
    differential,
    elimination,
    grids,
    lorenz,
    operations,
    perceptron,
    random_field,
    recurrent,
    residuals,
    scalar_graphs,
    statistical,
    structured,
    transformer,
)
from benchmarks.programs.derivative import Derivative
from benchmarks.programs.program import Program, Size
from benchmarks.programs.sensitivities import SHAPES, version

__all__ = [
    "Derivative",
    "Program",
    "Size",
    "equation_chains",
    "hessians",
    "jacobians",
    "kept_by_gradients",
    "models",
    "modules",
    "versions",
]

MODELS = (
    perceptron,
    convolutional,
    transformer,
    recurrent,
    differential,
    statistical,
    random_field,
)
JACOBIANS = (
    bottlenecks.programs,
    structured.programs,
    lorenz.programs,
    scalar_graphs.programs,
    elimination.jacobians,
    grids.programs,
    bundle.programs,
)
# Beside programs of their own: those with a loop, whose gradients keep each step.
LOOPS = (recurrent, differential, random_field)
HESSIANS = (curvature.programs, scalar_graphs.options)


FACTORED = ("GP likelihood",)
"""What never ends at several points and full size, whoever differentiates it.

Where two triangular solves of several large matrices may run side by side, those of
jaxlib 0.10.2 take all threads of two cores and wait for one another.
"""


def models(size: Size) -> list[Program]:
    """Every program that somebody would train, fit or control."""
    return [program for family in MODELS for program in family.programs(size)]


# One of each kind of module, for which XLA compiles seven programs a row.
LOWERED_SMALL = (
    "MLP",
    "CNN, max-pool",
    "transformer, 8 layers scanned",
    "LSTM",
    "GP likelihood",
    "CRF, forward algorithm",
)


def modules(size: Size) -> list[Program]:
    """Programs to lower: models, all of them at full size, and hard operations."""
    lowered = [p for p in models(size) if size == "full" or p.name in LOWERED_SMALL]
    return [*lowered, *operations.programs(size)]


def equation_chains(size: Size) -> list[Program]:
    """Programs of a given number of equations."""
    return chains.programs(size)


@functools.cache
def kept_by_gradients(size: Size) -> Sequence[Program]:
    """Programs whose gradients differ by what they keep: loops, and a deep net.

    They are the same objects at each call, by which suites know them again.
    """
    loops = [program for family in LOOPS for program in family.programs(size)]
    return (*loops, transformer.programs(size)[-1], *residuals.programs(size))


def jacobians(size: Size) -> list[Derivative]:
    """Functions whose whole Jacobian is wanted."""
    return [program for family in JACOBIANS for program in family(size)]


def versions(size: Size) -> list[Derivative]:
    """The models as functions of a few inputs to a few outputs.

    At small size each model has one shape, and all shapes take their turn.
    """
    if size == "full":
        small = [p for p in models("small") if p.name in FACTORED]
        large = [p for p in models(size) if p.name not in FACTORED]
        return [version(program, name) for program in large + small for name in SHAPES]
    shapes = itertools.cycle(SHAPES)
    return [version(p, name) for p, name in zip(models(size), shapes, strict=False)]


def hessians(size: Size) -> list[Derivative]:
    """Scalar functions whose whole Hessian is wanted."""
    return [program for family in HESSIANS for program in family(size)]
