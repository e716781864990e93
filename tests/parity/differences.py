"""Cases whose outcome differs from JAX's on purpose, with what the user is told.

Each reason is the beginning of a row of ``docs/differences.md``. A difference is
expected strictly: a case that no longer differs must leave this table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from tests.parity.outcomes import Case, assert_same_numbers


@dataclass(frozen=True)
class Difference:
    """A row of the documentation, and whether the numbers are JAX's all the same."""

    row: str
    same_numbers: bool = True


WEAK_POWER = Difference("weak type of derivatives of `x**0.5`")
IDENTITY = Difference("`jvp` of a function that returns its input or a NumPy number")
INTEGER_BLOCKS = Difference("`jacrev(allow_int=True)`")
INTEGERS_TRACED = Difference("integers among the differentiated arguments")
NUMPY_ARGNUMS = Difference("`jacrev` with a NumPy integer as `argnums`")
OUTER_WEAK = Difference("`jax.grad` of `irad.grad` at a Python scalar")
WRAPPED = Difference("`irad.hessian(f).__wrapped__`", same_numbers=False)
POLE = Difference("second derivative of `arctanh` at its poles", same_numbers=False)
INFINITE = Difference("`logsumexp` at an infinite element", same_numbers=False)
ZERO = Difference("the sign of a zero gradient")

WEAK = ("python", "weak array")
KINDS = (*WEAK, "numpy scalar", "numpy array", "strong", "half")

DIFFERENCES: dict[str, Difference] = {
    "third_order": OUTER_WEAK,
    "perturbations_are_not_confused": OUTER_WEAK,
    "control_flow_nested": OUTER_WEAK,
    "arctanh, twice": POLE,
    "norm inf at [ 1., 3., 3.,-2., 3.]": ZERO,
    "norm inf at [ 1., 3., 3.,-2., 3.], twice": ZERO,
    "logsumexp at [inf, 0.]": INFINITE,
    "argnums_of_scalars[jacrev int64 1]": NUMPY_ARGNUMS,
    "argnums_of_scalars[jacrev ndarray 1]": NUMPY_ARGNUMS,
    "the_derivative_is_named_after_the_function[hessian]": WRAPPED,
    "allow_int[jacrev 3]": INTEGER_BLOCKS,
    "allow_int[jacrev int8 3]": INTEGER_BLOCKS,
    "allow_int[jacrev ndarray [0 1 2]]": INTEGER_BLOCKS,
    "allow_int[jacrev uint32 7]": INTEGER_BLOCKS,
    "integers_arrive_as_they_are[grad]": INTEGERS_TRACED,
    "integers_arrive_as_they_are[value_and_grad]": INTEGERS_TRACED,
    "integers_arrive_as_they_are[vjp]": INTEGERS_TRACED,
    "integers_arrive_as_they_are[jacrev]": INTEGER_BLOCKS,
    **{f"types_of_vjp_and_jvp[{kind} identity]": IDENTITY for kind in KINDS},
    **{f"types_of_vjp_and_jvp[{kind} numpy constant]": IDENTITY for kind in KINDS},
    **{
        f"{case}[{kind} {power}]": WEAK_POWER
        for case in ("types_of_vjp_and_jvp", "types_of_value_and_grad")
        for kind in WEAK
        for power in ("real power", "power of self")
    },
    **{
        f"types_of_vjp_and_jvp[{kind} {name}]": WEAK_POWER
        for kind in WEAK
        for name in ("where", "x log x")
    },
}


def assert_same_values(case: Case, expected: Any, ours: Any) -> None:
    """Compares numbers only: not types, and not words about them."""
    pairs = zip(numbers(case.run(ours)), numbers(case.run(expected)), strict=True)
    for got, wanted in pairs:
        if jax.dtypes.float0 not in (got.dtype, wanted.dtype):
            assert_same_numbers(got, wanted, case.name, signed=False)


def numbers(tree: object) -> list[Any]:
    """The numeric leaves of a tree, as arrays."""
    leaves = (x for x in jax.tree.leaves(tree) if not isinstance(x, str))
    return [x if hasattr(x, "dtype") else np.asarray(x) for x in leaves]
