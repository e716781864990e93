"""Functions of a few scalars with much in common between them, and by hand.

Each takes and gives one vector: the graph inside is of scalars.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import erf

from benchmarks.programs.derivative import Derivative
from benchmarks.programs.program import Size

ROE = (
    "Roe, Approximate Riemann solvers, parameter vectors, and difference schemes (1981)"
)
ARM = "Siciliano et al., Robotics (2009), forward kinematics of an arm with six joints"
HEART = "Averick, Carter, More, Xue, The MINPACK-2 test problem collection (1992)"
OPTION = "Black, Scholes, The pricing of options and corporate liabilities (1973)"
GAMMA = 0.5
LENGTHS = (175.0, 890.0, 50.0, 575.0, 1035.0, 185.0)
PRESSURE, AIR = 40.0, 10.0


def roe_flux(state: jax.Array) -> jax.Array:
    l0, l1, l2, r0, r1, r2 = state
    (pl, hl), (pr, hr) = _gas(l0, l1, l2), _gas(r0, r1, r2)
    s, w = jnp.sqrt(l0 * r0), jnp.sqrt(l0) + jnp.sqrt(r0)
    u = (jnp.sqrt(l0) * (l1 / l0) + jnp.sqrt(r0) * (r1 / r0)) / w
    h = (jnp.sqrt(l0) * hl + jnp.sqrt(r0) * hr) / w
    means = jnp.stack([r0 - l0, pr - pl, r1 / r0 - l1 / l0, s, u, h])
    flux = _flux(l0, l1, l2, pl) + _flux(r0, r1, r2, pr)
    return 0.5 * (flux - _dissipation(means))


def _gas(u0: jax.Array, u1: jax.Array, u2: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Pressure and enthalpy."""
    p = (GAMMA - 1) * (u2 - 0.5 * u1**2 / u0)
    return p, (u2 + p) / u0


def _flux(u0: jax.Array, u1: jax.Array, u2: jax.Array, p: jax.Array) -> jax.Array:
    v = u1 / u0
    return jnp.stack([u1, p + u1 * v, v * (p + u2)])


def _dissipation(means: jax.Array) -> jax.Array:
    """What the jumps between the sides add, in the means of Roe."""
    d0, dp, dv, s, u, h = means
    q = u**2
    a2 = (GAMMA - 1) * (h - 0.5 * q)
    a = jnp.sqrt(a2)
    n, c = a * s, 0.5 * s / a
    c0 = (d0 - dp / a2) * jnp.abs(u)
    e1 = c * ((dv + dp / n) * jnp.abs(u + a))
    e2 = c * ((dv - dp / n) * jnp.abs(u))
    return jnp.stack(
        [
            c0 + e1 - e2,
            c0 * u + e1 * (u + a) - e2 * (u - a),
            c0 * 0.5 * q + e1 * (h + u * a) - e2 * (h - u * a),
        ]
    )


def roe_flux_by_hand(state: jax.Array) -> jax.Array:
    """Cut at Roe's six means: fluxes on each side, and a product of two small maps."""
    sides = state.reshape(2, 3)
    through, means, in_sides = _roe_sides(sides)
    return 0.5 * (through - _roe_dissipation(means) @ in_sides)


def _roe_sides(sides: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The fluxes' Jacobian; the means, and their Jacobian in both sides."""
    u0, u1, u2 = sides.T
    v, root = u1 / u0, jnp.sqrt(u0)
    p = (GAMMA - 1) * (u2 - 0.5 * u1 * v)
    h = (u2 + p) / u0
    zero, one = jnp.zeros_like(v), jnp.ones_like(v)
    in_v = jnp.stack([-v / u0, 1 / u0, zero])
    in_p = (GAMMA - 1) * jnp.stack([0.5 * v * v, -v, one])
    in_h = (in_p + jnp.stack([-h, zero, one])) / u0
    momentum = in_p + jnp.stack([-v * v, 2 * v, zero])
    energy = (p + u2) * in_v + v * (in_p + jnp.stack([zero, zero, one]))
    mass = jnp.stack([zero, one, zero])
    flux = jnp.stack([mass, momentum, energy])
    weight = root / jnp.sum(root)
    u, mean_h = jnp.sum(weight * v), jnp.sum(weight * h)
    first = jnp.stack([one, zero, zero])
    share = 0.5 * weight / u0 * first
    sign, s = np.array([-1, 1], sides.dtype), root[0] * root[1]
    inner = jnp.stack(
        [
            sign * first,
            sign * in_p,
            sign * in_v,
            0.5 * s / u0 * first,
            weight * in_v + share * (v - u),
            weight * in_h + share * (h - mean_h),
        ]
    )
    jumps = [x[1] - x[0] for x in (u0, p, v)]
    means = jnp.stack([*jumps, s, u, mean_h])
    return _wide(flux), means, _wide(inner)


def _wide(x: jax.Array) -> jax.Array:
    """Columns by side and component, out of rows by component and side."""
    return jnp.swapaxes(x, 1, 2).reshape(x.shape[0], -1)


def _roe_dissipation(means: jax.Array) -> jax.Array:
    """The Jacobian of the dissipation in the means, 3 x 6."""
    d0, dp, dv, s, u, h = means
    in_d0, in_dp, in_dv, in_s, in_u, in_h = np.eye(6, dtype=means.dtype)
    a2 = (GAMMA - 1) * (h - 0.5 * u * u)
    a = jnp.sqrt(a2)
    in_a = (GAMMA - 1) / (2 * a) * (in_h - u * in_u)
    n, c, speed, fast = a * s, 0.5 * s / a, jnp.abs(u), jnp.abs(u + a)
    turn = jnp.sign(u) * in_u
    c0, k = (d0 - dp / a2) * speed, dp / n
    in_c0 = (
        speed * (in_d0 - in_dp / a2 + 2 * dp / (a2 * a) * in_a) + (d0 - dp / a2) * turn
    )
    in_k = (in_dp - k * (s * in_a + a * in_s)) / n
    in_c = (0.5 * in_s - c * in_a) / a
    in_fast = jnp.sign(u + a) * (in_u + in_a)
    plus, minus = dv + k, dv - k
    e1, e2 = c * plus * fast, c * minus * speed
    in_e1 = plus * fast * in_c + c * (fast * (in_dv + in_k) + plus * in_fast)
    in_e2 = minus * speed * in_c + c * (speed * (in_dv - in_k) + minus * turn)
    in_ua = a * in_u + u * in_a
    return jnp.stack(
        [
            in_c0 + in_e1 - in_e2,
            u * (in_c0 + in_e1 - in_e2)
            + (c0 + e1 - e2) * in_u
            + a * (in_e1 + in_e2)
            + (e1 + e2) * in_a,
            0.5 * u * u * in_c0
            + c0 * u * in_u
            + h * (in_e1 - in_e2)
            + (e1 - e2) * in_h
            + u * a * (in_e1 + in_e2)
            + (e1 + e2) * in_ua,
        ]
    )


def robot_arm(angles: jax.Array) -> jax.Array:
    a1, a2, a3, d1, d4, d6 = LENGTHS
    t1, t2, t3, t4, t5, t6 = angles
    c1, c2, c4, c5, c6 = map(jnp.cos, (t1, t2, t4, t5, t6))
    s1, s2, s4, s5, s6 = map(jnp.sin, (t1, t2, t4, t5, t6))
    c23 = jnp.cos(t2) * jnp.cos(t3) - jnp.sin(t2) * jnp.sin(t3)
    s23 = jnp.cos(t2) * jnp.sin(t3) + jnp.sin(t2) * jnp.cos(t3)
    ax = s5 * (c1 * c23 * c4 + s1 * s4) + c1 * s23 * c5
    ay = s5 * (s1 * c23 * c4 - c1 * s4) + s1 * s23 * c5
    az = s23 * c4 * s5 - c23 * c5
    nz = c6 * (c23 * s5 + s23 * c4 * c5) - s23 * s4 * s6
    oz = -s6 * (c23 * s5 + s23 * c4 * c5) - s23 * s4 * c6
    by = s5 * (s1 * c23 * c4 + c1 * s4) + s1 * s23 * c5
    reach = a1 + a2 * c2 + a3 * c23 + d4 * s23
    return jnp.stack(
        [
            d6 * ax + c1 * reach,
            d6 * by + s1 * reach,
            a2 * s2 + d1 + a3 * s23 - d4 * c23 + d6 * az,
            jnp.arctan2(ay, ax),
            jnp.arctan2(jnp.sqrt(1 - az**2), az),
            jnp.arctan2(oz, -nz),
        ]
    )


def robot_arm_by_hand(angles: jax.Array) -> jax.Array:
    """The second and the third joint turn about parallel axes: by their sum.

    Rows of derivatives are in the angles (t1, t2 + t3, t4, t5, t6) until the end.
    """
    a1, a2, a3, _, d4, d6 = LENGTHS
    turns = jnp.stack([angles[0], angles[1] + angles[2], *angles[3:], angles[1]])
    c1, c, c4, c5, c6, c2 = jnp.cos(turns)
    s1, s, s4, s5, s6, s2 = jnp.sin(turns)
    zero = jnp.zeros_like(c)
    up, across = c * c4, s * c4
    a, b, b2 = c1 * up + s1 * s4, s1 * up - c1 * s4, s1 * up + c1 * s4
    ax, ay, az = s5 * a + c1 * s * c5, s5 * b + s1 * s * c5, across * s5 - c * c5
    m = c * s5 + across * c5
    nz, oz = c6 * m - s * s4 * s6, -s6 * m - s * s4 * c6
    in_ax = jnp.stack(
        [-ay, -c1 * az, s5 * (s1 * c4 - c1 * c * s4), c5 * a - c1 * s * s5, zero]
    )
    in_ay = jnp.stack(
        [ax, -s1 * az, -s5 * (s1 * c * s4 + c1 * c4), c5 * b - s1 * s * s5, zero]
    )
    in_by = jnp.stack(
        [
            s5 * (c1 * up - s1 * s4) + c1 * s * c5,
            -s1 * az,
            s5 * (c1 * c4 - s1 * c * s4),
            c5 * b2 - s1 * s * s5,
            zero,
        ]
    )
    in_az = jnp.stack([zero, up * s5 + s * c5, -s * s4 * s5, m, zero])
    bent, side = up * c5 - s * s5, s * s4 * c5
    in_nz = jnp.stack(
        [zero, c6 * bent - c * s4 * s6, -c6 * side - across * s6, -c6 * az, oz]
    )
    in_oz = jnp.stack(
        [zero, -s6 * bent - c * s4 * c6, s6 * side - across * c6, s6 * az, -nz]
    )
    reach, far, lift = a1 + a2 * c2 + a3 * c + d4 * s, d4 * c - a3 * s, a3 * c + d4 * s
    rows = jnp.stack(
        [
            d6 * in_ax + jnp.stack([-s1 * reach, c1 * far, zero, zero, zero]),
            d6 * in_by + jnp.stack([c1 * reach, s1 * far, zero, zero, zero]),
            d6 * in_az + jnp.stack([zero, lift, zero, zero, zero]),
            (ax * in_ay - ay * in_ax) / (ax * ax + ay * ay),
            -in_az / jnp.sqrt(1 - az * az),
            (oz * in_nz - nz * in_oz) / (nz * nz + oz * oz),
        ]
    )
    shoulder = jnp.stack([-a2 * s2 * c1, -a2 * s2 * s1, a2 * c2, zero, zero, zero])
    return jnp.stack(
        [rows[:, 0], rows[:, 1] + shoulder, rows[:, 1], *rows[:, 2:].T], axis=1
    )


def heart_dipole_equations(x: Sequence[Any]) -> list[Any]:
    """The residuals of eight unknowns, which may be numbers of any library."""
    x1, x2, x3, x4, x5, x6, x7, x8 = x
    a, b = x5**2 - x7**2, x6**2 - x8**2
    c, d = x5 * (x5**2 - 3 * x7**2), x7 * (x7**2 - 3 * x5**2)
    e, g = x6 * (x6**2 - 3 * x8**2), x8 * (x8**2 - 3 * x6**2)
    return [
        x1 + x2 - 1,
        x3 + x4 - 1,
        x5 * x1 + x6 * x2 - x7 * x3 - x8 * x4 - 1,
        x7 * x1 + x8 * x2 + x5 * x3 + x6 * x4 - 1,
        x1 * a - 2 * x3 * x5 * x7 + x2 * b - 2 * x4 * x6 * x8 - 1,
        x3 * a - 2 * x1 * x5 * x7 + x4 * b - 2 * x2 * x6 * x8 - 1,
        x1 * c + x3 * d + x2 * e + x4 * g - 1,
        x3 * c - x1 * d + x4 * e - x2 * g - 1,
    ]


def heart_dipole(x: jax.Array) -> jax.Array:
    return jnp.stack(heart_dipole_equations(list(x)))


def heart_dipole_by_hand(x: jax.Array) -> jax.Array:
    """Powers of two by two numbers; each stands at several places."""
    (p1, p2), (p3, p4) = x[0:2], x[2:4]
    u, v = x[4:6], x[6:8]
    a, b = u * u - v * v, 2 * u * v
    c, d = u * (a - 2 * v * v), v * (v * v - 3 * u * u)
    p, q = jnp.stack([p1, p2]), jnp.stack([p3, p4])
    one, zero = jnp.ones_like(u), jnp.zeros_like(u)
    pu, pv, qu, qv = p * u, p * v, q * u, q * v
    rows = [
        (one, zero, zero, zero),
        (zero, one, zero, zero),
        (u, -v, p, -q),
        (v, u, q, p),
        (a, -b, 2 * (pu - qv), -2 * (pv + qu)),
        (-b, a, 2 * (qu - pv), -2 * (qv + pu)),
        (c, d, 3 * (p * a - q * b), -3 * (p * b + q * a)),
        (-d, c, 3 * (q * a + p * b), 3 * (p * a - q * b)),
    ]
    return jnp.stack([jnp.concatenate(row) for row in rows])


def propane_equations(x: Sequence[Any], sqrt: Callable[[Any], Any]) -> list[Any]:
    """The residuals of eleven unknowns, which may be numbers of any library."""
    x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11 = x
    p = sqrt(PRESSURE / x11)
    return [
        x1 + x4 - 3,
        2 * x1 + x2 + x4 + x7 + x8 + x9 + 2 * x10 - AIR,
        2 * x2 + 2 * x5 + x6 + x7 - 8,
        2 * x3 + x9 - 4 * AIR,
        x2 * x4 - x1 * x5,
        sqrt(x2 * x4) - sqrt(x1) * p * x6,
        sqrt(x1 * x2) - sqrt(x4) * x7 * p,
        x1 - x4 * x8 * PRESSURE / x11,
        x1 * sqrt(x3) - x4 * x9 * p,
        x1**2 - x4**2 * x10 * PRESSURE / x11,
        x11 - x1 - x2 - x3 - x4 - x5 - x6 - x7 - x8 - x9 - x10,
    ]


def propane(x: jax.Array) -> jax.Array:
    return jnp.stack(propane_equations(list(x), jnp.sqrt))


def propane_by_hand(x: jax.Array) -> jax.Array:
    """The constant entries are one array; 24 others are put at their places."""
    x1, x2, _, x4, x5, x6, x7, x8, x9, x10, x11 = x
    r1, r2, r3, r4 = jnp.sqrt(x[:4])
    p, ratio = jnp.sqrt(PRESSURE / x11), PRESSURE / x11
    half, fuel = 0.5 * p / x11, ratio * x4
    entries = {
        (4, 0): -x5,
        (4, 1): x4,
        (4, 3): x2,
        (4, 4): -x1,
        (5, 0): -0.5 * p * x6 / r1,
        (5, 1): 0.5 * r4 / r2,
        (5, 3): 0.5 * r2 / r4,
        (5, 5): -r1 * p,
        (5, 10): r1 * x6 * half,
        (6, 0): 0.5 * r2 / r1,
        (6, 1): 0.5 * r1 / r2,
        (6, 3): -0.5 * x7 * p / r4,
        (6, 6): -r4 * p,
        (6, 10): r4 * x7 * half,
        (7, 3): -x8 * ratio,
        (7, 7): -fuel,
        (7, 10): fuel * x8 / x11,
        (8, 0): r3,
        (8, 2): 0.5 * x1 / r3,
        (8, 3): -x9 * p,
        (8, 8): -x4 * p,
        (8, 10): x4 * x9 * half,
        (9, 0): 2 * x1,
        (9, 3): -2 * fuel * x10,
        (9, 9): -fuel * x4,
        (9, 10): fuel * x4 * x10 / x11,
    }
    rows, columns = np.array(list(entries)).T
    return (
        _propane_constants(x.dtype)
        .at[rows, columns]
        .set(jnp.stack(list(entries.values())), unique_indices=True)
    )


def _propane_constants(dtype: np.dtype) -> jax.Array:
    """The entries that do not depend on the point."""
    fixed = np.zeros((11, 11), dtype)
    fixed[0, [0, 3]] = 1
    fixed[1, [0, 9]], fixed[1, [1, 3, 6, 7, 8]] = 2, 1
    fixed[2, [1, 4]], fixed[2, [5, 6]] = 2, 1
    fixed[3, 2], fixed[3, 8] = 2, 1
    fixed[7, 0] = 1
    fixed[10, :10], fixed[10, 10] = -1, 1
    return jnp.array(fixed)


def option(x: jax.Array) -> jax.Array:
    """The price of a call, in spot, strike, rate, volatility and time."""
    spot, strike, rate, volatility, time = x
    forward = jnp.exp(rate * time) * spot
    d1 = jnp.log(forward / strike) + volatility**2 / 2 * time
    d1 = d1 / (volatility * jnp.sqrt(time))
    d2 = d1 - volatility * jnp.sqrt(time)
    return jnp.exp(-rate * time) * (forward * _normal(d1) - strike * _normal(d2))


def _normal(z: jax.Array) -> jax.Array:
    return 0.5 * (1 + erf(z / np.sqrt(2).astype(z.dtype)))


def greeks(x: jax.Array) -> jax.Array:
    """All second derivatives, by rows of derivatives of d1 and d2."""
    spot, strike, rate, volatility, time = x
    root = jnp.sqrt(time)
    wide = volatility * root
    d1 = (jnp.log(spot / strike) + rate * time) / wide + wide / 2
    d2 = d1 - wide
    discount = jnp.exp(-rate * time)
    density = jnp.exp(-0.5 * d1 * d1) / np.sqrt(2 * np.pi).astype(x.dtype)
    below = discount * _normal(d2)
    tail = spot * density
    in_time = (rate / volatility + volatility / 2) / root - d1 / (2 * time)
    in_d1 = jnp.stack(
        [1 / (spot * wide), -1 / (strike * wide), root / volatility,
         -d2 / volatility, in_time]
    )  # fmt: skip
    in_d2 = in_d1 - jnp.stack([0, 0, 0, root, volatility / (2 * root)])
    in_below = tail / strike * in_d2 - below * jnp.stack([0, 0, time, 0, rate])
    in_tail = tail * (jnp.stack([1 / spot, 0, 0, 0, 0]) - d1 * in_d1)
    carry = strike * time * in_below + below * jnp.stack([0, time, 0, 0, strike])
    decay = (
        rate * (strike * in_below + below * jnp.stack([0, 1, 0, 0, 0]))
        + below * strike * jnp.stack([0, 0, 1, 0, 0])
        + volatility / (2 * root) * in_tail
        + tail / (2 * root) * jnp.stack([0, 0, 0, 1, -volatility / (2 * time)])
    )
    vega = root * in_tail + tail * jnp.stack([0, 0, 0, 0, 1 / (2 * root)])
    return jnp.stack([density * in_d1, -in_below, carry, vega, decay])


def vector(*values: float) -> Callable[[], tuple[jax.Array]]:
    return lambda: (jnp.array(values, jnp.float32),)


def fresh(fun: Callable[..., jax.Array]) -> Callable[[], Callable[..., jax.Array]]:
    """Makes new functions that do what ``fun`` does."""
    return lambda: lambda x: fun(x)


def programs(_: Size) -> list[Derivative]:
    """The same at both sizes."""
    return [
        Derivative(
            name="Roe flux",
            make=fresh(roe_flux),
            arguments=vector(0.01, 0.02, 0.02, 0.01, 0.03, 0.03),
            by_hand=roe_flux_by_hand,
            source=ROE,
        ),
        Derivative(
            name="robot arm",
            make=fresh(robot_arm),
            arguments=vector(0.3, -0.4, 0.5, 0.6, 0.7, 0.8),
            by_hand=robot_arm_by_hand,
            source=ARM,
        ),
        Derivative(
            name="human heart dipole",
            make=fresh(heart_dipole),
            arguments=vector(*np.linspace(0.1, 0.2, 8)),
            by_hand=heart_dipole_by_hand,
            source=HEART,
        ),
        Derivative(
            name="propane combustion",
            make=fresh(propane),
            arguments=vector(*np.linspace(0.1, 0.2, 11)),
            by_hand=propane_by_hand,
            source=HEART,
        ),
    ]


def options(_: Size) -> list[Derivative]:
    """The same at both sizes."""
    return [
        Derivative(
            name="Black-Scholes greeks",
            make=fresh(option),
            arguments=vector(1.0, 1.1, 0.05, 0.3, 0.9),
            by_hand=greeks,
            source=OPTION,
            order=2,
        )
    ]
