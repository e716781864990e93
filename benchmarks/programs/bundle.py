"""Bundle adjustment: cameras, points and weights fitted to observations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.programs.derivative import Derivative, Pattern
from benchmarks.programs.program import Draw, Size

SOURCE = (
    "Srajer, Kukelova, Fitzgibbon, A benchmark of selected algorithmic "
    "differentiation tools (ADBench, 2018), arXiv:1807.10129, on generated data"
)
# Rotation, center, focal length, principal point, radial distortion.
CAMERA = 11


class Sizes(NamedTuple):
    """How many cameras, points, and observations of a point by a camera."""

    cameras: int
    points: int
    observations: int


SIZES: dict[Size, Sizes] = {
    "small": Sizes(cameras=5, points=50, observations=200),
    "full": Sizes(cameras=49, points=7776, observations=31_843),
}


def rotated(r: jax.Array, x: jax.Array) -> jax.Array:
    """``x`` turned about the axis ``r`` by the angle |r| (Rodrigues' formula)."""
    angle = jnp.sqrt(jnp.sum(r * r))
    axis = r / angle
    along = axis * jnp.dot(axis, x) * (1 - jnp.cos(angle))
    return x * jnp.cos(angle) + jnp.cross(axis, x) * jnp.sin(angle) + along


def projected(camera: jax.Array, x: jax.Array) -> jax.Array:
    """Where a camera sees a point."""
    seen = rotated(camera[:3], x - camera[3:6])
    flat = seen[:2] / seen[2]
    squared = jnp.sum(flat * flat)
    bent = 1 + camera[9] * squared + camera[10] * squared**2
    return bent * flat * camera[6] + camera[7:9]


def make(sizes: Sizes, who: np.ndarray, what: np.ndarray) -> Callable[..., jax.Array]:
    """Weighted errors of all observations, then one minus each weight's square."""

    def fun(unknowns: jax.Array, features: jax.Array) -> jax.Array:
        cameras, points, weights = parts(unknowns, sizes)
        apart = jax.vmap(projected)(cameras[who], points[what]) - features
        errors = weights[:, None] * apart
        return jnp.concatenate([errors.ravel(), 1 - weights * weights])

    return fun


def parts(unknowns: jax.Array, sizes: Sizes) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Cameras, points and weights out of one vector."""
    ends = CAMERA * sizes.cameras, CAMERA * sizes.cameras + 3 * sizes.points
    cameras, points, weights = jnp.split(unknowns, ends)
    return cameras.reshape(-1, CAMERA), points.reshape(-1, 3), weights


def by_hand(
    sizes: Sizes, who: np.ndarray, what: np.ndarray
) -> Callable[..., jax.Array]:
    """Two rows of 15 entries for each observation, then one for each weight."""

    def derivative(unknowns: jax.Array, features: jax.Array) -> jax.Array:
        cameras, points, weights = parts(unknowns, sizes)
        camera, x = cameras[who].T, points[what].T
        rows = _observation(camera, x, weights, features.T)
        return jnp.concatenate([rows.ravel(), -2 * weights])

    return derivative


def _observation(
    camera: jax.Array, x: jax.Array, weight: jax.Array, feature: jax.Array
) -> jax.Array:
    """Derivatives in camera, point and weight, the observations along the last axis.

    With ``p`` the point on the image plane and ``s = |p|^2``, the error is
    ``w (f L(s) p + c - m)``, ``L(s) = 1 + a s + b s^2``: the chain goes from the turned
    point through ``p``, whose derivative is ``(I, -p) / z``.
    """
    f, a, b = camera[6], camera[9], camera[10]
    y = x - camera[3:6]
    turned, turn, in_axis = _rotation(camera[:3], y)
    p = turned[:2] / turned[2]
    s = jnp.sum(p * p, axis=0)
    bent = 1 + a * s + b * s * s
    slope = 2 * (a + 2 * b * s)
    distorted = slope * p[:, None] * p + bent * jnp.eye(2, dtype=x.dtype)[:, :, None]
    scaled = weight * f / turned[2] * distorted
    lens = jnp.concatenate([scaled, -jnp.sum(scaled * p, axis=1)[:, None]], axis=1)
    in_point = _product(lens, turn)
    in_center = jnp.eye(2, dtype=x.dtype)[:, :, None] * weight
    apart = f * bent * p + camera[7:9] - feature
    columns = [
        _product(lens, in_axis),
        -in_point,
        (weight * bent * p)[:, None],
        in_center,
        (weight * f * s * p)[:, None],
        (weight * f * s * s * p)[:, None],
        in_point,
        apart[:, None],
    ]
    return jnp.moveaxis(jnp.concatenate(columns, axis=1), -1, 0)


def _rotation(r: jax.Array, y: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The turned vector, the rotation, and the derivative in ``r``.

    With ``k = r / t`` the axis and ``t`` the angle: the derivative in ``t`` times
    ``k``, and that in ``k`` times ``(I - k k^T) / t``.
    """
    eye = jnp.eye(3, dtype=r.dtype)[:, :, None]
    angle = jnp.sqrt(jnp.sum(r * r, axis=0))
    k = r / angle
    sine, cosine = jnp.sin(angle), jnp.cos(angle)
    outer = k[:, None] * k
    along = jnp.sum(k * y, axis=0)
    turn = cosine * eye + sine * _cross(k) + (1 - cosine) * outer
    crossed = jnp.cross(k, y, axis=0)
    in_angle = cosine * crossed + sine * (along * k - y)
    in_axis = (1 - cosine) * (along * eye + k[:, None] * y) - sine * _cross(y)
    tangential = (eye - outer) / angle
    in_r = in_angle[:, None] * k + _product(in_axis, tangential)
    turned = y * cosine + crossed * sine + k * along * (1 - cosine)
    return turned, turn, in_r


def _cross(k: jax.Array) -> jax.Array:
    """The matrix of the cross product with ``k``."""
    zero = jnp.zeros_like(k[0])
    return jnp.stack(
        [
            jnp.stack([zero, -k[2], k[1]]),
            jnp.stack([k[2], zero, -k[0]]),
            jnp.stack([-k[1], k[0], zero]),
        ]
    )


def _product(a: jax.Array, b: jax.Array) -> jax.Array:
    """Products of small matrices, side by side along the last axis.

    Term by term: as one product and a sum over its second axis, XLA for CPU (jaxlib
    0.10.2) computes other values once the last axis is long.
    """
    terms = [a[:, j, None] * b[j] for j in range(len(b))]
    return sum(terms[1:], start=terms[0])


def pattern(sizes: Sizes, who: np.ndarray, what: np.ndarray) -> Pattern:
    """Where the entries of ``by_hand`` stand, in its order."""
    n = sizes.observations
    points = CAMERA * sizes.cameras
    weights = points + 3 * sizes.points + np.arange(n)
    unknowns = np.concatenate(
        [
            CAMERA * who[:, None] + np.arange(CAMERA),
            points + 3 * what[:, None] + np.arange(3),
            weights[:, None],
        ],
        axis=1,
    )
    rows = np.arange(2 * n).reshape(n, 2, 1)
    wide = (n, 2, CAMERA + 4)
    errors = (
        np.broadcast_to(rows, wide).ravel(),
        np.broadcast_to(unknowns[:, None], wide).ravel(),
    )
    return Pattern.union(errors, (2 * n + np.arange(n), weights))


def observed(sizes: Sizes) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of a camera and a point, each at most once."""
    pairs = sizes.cameras * sizes.points
    drawn = np.random.default_rng(0).choice(pairs, sizes.observations, replace=False)
    who, what = np.divmod(np.sort(drawn), sizes.points)
    return who.astype(np.int32), what.astype(np.int32)


def arguments(sizes: Sizes) -> tuple[Any, ...]:
    """Cameras around the origin that look at points near it, and what they see."""
    draw = Draw()
    cameras = jnp.concatenate(
        [
            draw.normal(sizes.cameras, 3, scale=0.3),
            draw.normal(sizes.cameras, 2, scale=0.5),
            draw.uniform(sizes.cameras, 1, low=-6.0, high=-5.0),
            draw.uniform(sizes.cameras, 1, low=0.8, high=1.2),
            draw.normal(sizes.cameras, 2, scale=0.1),
            draw.normal(sizes.cameras, 2, scale=0.1),
        ],
        axis=1,
    )
    points = draw.normal(sizes.points, 3, scale=0.5)
    weights = draw.uniform(sizes.observations, low=0.5, high=1.5)
    unknowns = jnp.concatenate([cameras.ravel(), points.ravel(), weights])
    return unknowns, draw.normal(sizes.observations, 2, scale=0.3)


def programs(size: Size) -> list[Derivative]:
    sizes = SIZES[size]
    who, what = observed(sizes)
    return [
        Derivative(
            name="bundle adjustment",
            make=lambda: make(sizes, who, what),
            arguments=lambda: arguments(sizes),
            by_hand=by_hand(sizes, who, what),
            pattern=lambda: pattern(sizes, who, what),
            source=SOURCE,
        )
    ]
