"""Why a row is lost, where that is known.

A reason holds for the rows of a suite whose program and other side begin as it says.
Where two do, the first is quoted. What has none is shown as not explained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Reason:
    """What is behind some lost rows of some suites, in one sentence."""

    suites: Sequence[str]
    why: str
    program: str = ""
    beside: str = ""
    what: str = ""


LOOPS = ("memory", "memory-wall")
# As `jit(lambda x: x + 1)` on their arguments; CasADi takes less than one for each.
FEW_SCALARS = ("robot arm", "human heart dipole", "propane combustion")
# Loops whose gradients compute something again.
ITERATED = (
    *("transformer, 8 layers scanned", "LSTM", "GRU", "stack of diagonal LSTMs"),
    *("neural ODE, RK4", "N-body, leapfrog", "nonlinear heat", "stencil"),
    "CRF, forward algorithm",
)
PULLED = tuple(
    f"{name}, {shape}"
    for name in (*ITERATED, "Kalman filter")
    for shape in ("wide", "scalar")
)
SPARSE = ("tridiagonal", "arrow", "Burgers", "Bratu", "Rosenbrock")
SIMPLIFIED = (
    *("robot arm", "human heart dipole", "propane combustion", "Lorenz"),
    *("Black-Scholes greeks", "neighbour-exponential", "bundle adjustment"),
)
REASONS = (
    *(
        Reason(
            suites,
            "what is cheap is computed again in place of being kept: more operations "
            "for less memory",
            program=name,
            what="flops",
        )
        for suites, names in (
            ((*LOOPS, "gradients", "levels"), ITERATED),
            (("modes",), PULLED),
        )
        for name in names
    ),
    Reason(
        LOOPS,
        "what a policy computes again is kept where that is predicted to take less "
        "time",
        beside="policy: dots",
        what="temporaries",
    ),
    *(
        Reason(
            ("modes",),
            "tangents of a loop need nothing of its other steps; pulling, which takes "
            "fewer operations here, keeps something of each",
            program=name,
            beside="jacfwd",
            what="temporaries",
        )
        for name in PULLED
    ),
    *(
        Reason(
            ("jacobians", "hessians"),
            "entries are made first, and then put where they stand in the array",
            program=name,
            beside="jac",
            what="temporaries",
        )
        for name in SPARSE
    ),
    *(
        Reason(
            ("jacobians", "hessians"),
            "formulas of the whole derivative, simplified by hand: irad multiplies the "
            "partials of one operation after the other",
            program=name,
            beside="by hand",
        )
        for name in SIMPLIFIED
    ),
    Reason(
        ("lowering",),
        "the gradient of max-pooling picks by mask, with a comparison for each place "
        "of a window, in place of one scatter",
        program="CNN, max-pool",
    ),
    Reason(
        ("lowering", "levels"),
        "the derivative of a Cholesky factor is taken by blocks: more operations on "
        "smaller matrices, and a third of the flops",
        program="GP likelihood",
    ),
    Reason(
        LOOPS,
        "Equinox stores few states of a loop and runs its steps again",
        beside="equinox",
        what="temporaries",
    ),
    Reason(
        ("gradients",),
        "differences keep nothing: they only run the function",
        beside="central differences",
        what="temporaries",
    ),
    Reason(
        LOOPS,
        "a policy that keeps nothing but the states of a loop takes less memory and "
        "pays for it in operations",
        beside="policy: nothing",
        what="temporaries",
    ),
    Reason(
        ("laplacian",),
        "folx carries the sum of the second derivatives along with the tangents, one "
        "number for each value; irad and JAX carry one for each axis",
        beside="folx",
    ),
    *(
        Reason(
            ("casadi",),
            "to call any compiled program of JAX, if only to add one to its argument, "
            "takes 5 to 6 microseconds, of the 7 to 11 that ours takes",
            program=name,
        )
        for name in FEW_SCALARS
    ),
    Reason(
        ("dispatch: first",),
        "on arrays, the first call looks for the program among those known, too",
    ),
)
UNKNOWN = "not explained"


def reason(suite: str, program: str, beside: str, what: str) -> str:
    """The first reason for one lost figure of a row, or that none is known."""
    for row in REASONS:
        if (
            suite in row.suites
            and program.startswith(row.program)
            and beside.startswith(row.beside)
            and what.startswith(row.what)
        ):
            return row.why
    return UNKNOWN
