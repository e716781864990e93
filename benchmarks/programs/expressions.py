"""Programs of scalars as expressions of CasADi, as its users write them.

CasADi differentiates no programs of JAX. Values are held against those.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.programs.scalar_graphs import (
    LENGTHS,
    heart_dipole_equations,
    propane_equations,
)


def robot_arm(ca: Any, angles: Any) -> Any:
    a1, a2, a3, d1, d4, d6 = LENGTHS
    t1, t2, t3, t4, t5, t6 = ca.vertsplit(angles)
    c1, c2, c4, c5, c6 = (ca.cos(t) for t in (t1, t2, t4, t5, t6))
    s1, s2, s4, s5, s6 = (ca.sin(t) for t in (t1, t2, t4, t5, t6))
    c23, s23 = ca.cos(t2 + t3), ca.sin(t2 + t3)
    ax = s5 * (c1 * c23 * c4 + s1 * s4) + c1 * s23 * c5
    ay = s5 * (s1 * c23 * c4 - c1 * s4) + s1 * s23 * c5
    az = s23 * c4 * s5 - c23 * c5
    m = c23 * s5 + s23 * c4 * c5
    nz, oz = c6 * m - s23 * s4 * s6, -s6 * m - s23 * s4 * c6
    by = s5 * (s1 * c23 * c4 + c1 * s4) + s1 * s23 * c5
    reach = a1 + a2 * c2 + a3 * c23 + d4 * s23
    return ca.vertcat(
        d6 * ax + c1 * reach,
        d6 * by + s1 * reach,
        a2 * s2 + d1 + a3 * s23 - d4 * c23 + d6 * az,
        ca.atan2(ay, ax),
        ca.atan2(ca.sqrt(1 - az**2), az),
        ca.atan2(oz, -nz),
    )


def heart_dipole(ca: Any, x: Any) -> Any:
    return ca.vertcat(*heart_dipole_equations(ca.vertsplit(x)))


def propane(ca: Any, x: Any) -> Any:
    return ca.vertcat(*propane_equations(ca.vertsplit(x), ca.sqrt))


def arrow(ca: Any, x: Any) -> Any:
    return ca.vertcat(ca.sumsqr(x), ca.sin(x[1:]) * x[0])


def rosenbrock(ca: Any, x: Any) -> Any:
    return ca.sum1(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


EXPRESSIONS: dict[str, Callable[[Any, Any], Any]] = {
    "arrow": arrow,
    "robot arm": robot_arm,
    "human heart dipole": heart_dipole,
    "propane combustion": propane,
    "Rosenbrock, short": rosenbrock,
    "Rosenbrock, long": rosenbrock,
}
"""By the names of the programs that they are written after."""
