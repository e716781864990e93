"""Likelihoods: Gaussian mixture, Kalman filter, Gaussian process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.linalg import cho_solve, solve_triangular
from jax.scipy.special import logsumexp

from benchmarks.programs.program import Draw, Program, Size

MIXTURE = (
    "Srajer, Kukelova, Fitzgibbon, A benchmark of selected algorithmic "
    "differentiation tools (ADBench, 2018), arXiv:1807.10129, with the Wishart prior"
)
KALMAN = (
    "Sarkka, Bayesian filtering and smoothing (2013), algorithm 4.3 and the energy "
    "function of section 12.3.1"
)
PROCESS = "Rasmussen, Williams, Gaussian processes for machine learning (2006), 2.1"


class Sizes(NamedTuple):
    """Points, clusters, dimensions; steps, states, sensors; points and dimensions."""

    mixture: tuple[int, int, int]
    kalman: tuple[int, int, int]
    process: tuple[int, int]


SIZES: dict[Size, Sizes] = {
    "small": Sizes(mixture=(64, 4, 3), kalman=(20, 4, 2), process=(32, 3)),
    "full": Sizes(mixture=(2000, 25, 16), kalman=(200, 8, 4), process=(400, 6)),
}


def mixture() -> Callable[..., jax.Array]:
    def loss(
        weights: jax.Array,
        means: jax.Array,
        scales: jax.Array,
        lower: jax.Array,
        points: jax.Array,
    ) -> jax.Array:
        d = points.shape[1]
        rows, columns = np.tril_indices(d, -1)
        factors = jnp.zeros((*means.shape, d), points.dtype)
        factors = factors.at[:, rows, columns].set(lower)
        factors = factors + jnp.exp(scales)[:, :, None] * jnp.eye(d, dtype=points.dtype)
        apart = points[:, None, :] - means
        whitened = jnp.einsum("kij,nkj->nki", factors, apart)
        exponent = jnp.sum(scales, axis=1) - 0.5 * jnp.sum(whitened**2, axis=-1)
        likelihood = jnp.sum(logsumexp(weights + exponent, axis=1))
        # Wishart prior of scale 1 and no further degrees of freedom, up to a constant.
        prior = 0.5 * (jnp.sum(jnp.exp(2 * scales)) + jnp.sum(lower**2))
        return logsumexp(weights) * points.shape[0] - likelihood + prior

    return loss


def kalman() -> Callable[..., jax.Array]:
    def loss(params: dict[str, jax.Array], seen: jax.Array) -> jax.Array:
        move, sense = params["move"], params["sense"]
        drift = params["drift"] @ params["drift"].T
        states, sensors = move.shape[0], sense.shape[0]
        noise = jnp.diag(jnp.exp(params["noise"]))

        def step(
            carry: tuple[jax.Array, jax.Array], y: jax.Array
        ) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
            mean, spread = carry
            mean, spread = move @ mean, move @ spread @ move.T + drift
            innovation = y - sense @ mean
            factor = jnp.linalg.cholesky(sense @ spread @ sense.T + noise)
            gain = cho_solve((factor, True), sense @ spread).T
            white = solve_triangular(factor, innovation, lower=True)
            energy = jnp.sum(jnp.log(jnp.diag(factor))) + 0.5 * jnp.sum(white**2)
            spread = spread - gain @ sense @ spread
            return (mean + gain @ innovation, spread), energy

        start = jnp.zeros(states, seen.dtype), jnp.eye(states, dtype=seen.dtype)
        _, energies = lax.scan(step, start, seen)
        constant = 0.5 * sensors * np.log(2 * np.pi).item()
        return jnp.mean(energies) + constant

    return loss


def process() -> Callable[..., jax.Array]:
    def loss(
        params: dict[str, jax.Array], points: jax.Array, values: jax.Array
    ) -> jax.Array:
        scaled = points * jnp.exp(-params["length"])
        squared = jnp.sum((scaled[:, None, :] - scaled[None, :, :]) ** 2, axis=-1)
        kernel = jnp.exp(2 * params["height"] - 0.5 * squared)
        n = points.shape[0]
        kernel = kernel + jnp.exp(params["noise"]) * jnp.eye(n, dtype=points.dtype)
        factor = jnp.linalg.cholesky(kernel)
        white = solve_triangular(factor, values, lower=True)
        return 0.5 * jnp.sum(white**2) + jnp.sum(jnp.log(jnp.diag(factor)))

    return loss


def clusters(points: int, count: int, d: int) -> tuple[Any, ...]:
    """Weights, means, logarithms of diagonals, lower triangles, points."""
    draw = Draw()
    return (
        draw.normal(count),
        draw.normal(count, d),
        draw.normal(count, d, scale=0.2),
        draw.normal(count, d * (d - 1) // 2, scale=0.2),
        draw.normal(points, d),
    )


def tracking(steps: int, states: int, sensors: int) -> tuple[Any, ...]:
    """A stable motion seen through fewer sensors than it has states."""
    draw = Draw()
    params = {
        "move": 0.9 * jnp.eye(states) + draw.normal(states, states, scale=0.02),
        "sense": draw.normal(sensors, states),
        "drift": 0.3 * jnp.eye(states) + draw.normal(states, states, scale=0.05),
        "noise": draw.normal(sensors, scale=0.1) - 1.0,
    }
    return params, draw.normal(steps, sensors)


def samples(points: int, d: int) -> tuple[Any, ...]:
    """Noisy values of a smooth function at scattered points."""
    draw = Draw()
    x = draw.uniform(points, d, low=-2.0, high=2.0)
    y = jnp.sin(jnp.sum(x, axis=1)) + draw.normal(points, scale=0.1)
    params = {
        "length": draw.normal(d, scale=0.1),
        "height": draw.normal(scale=0.1),
        "noise": draw.normal(scale=0.1) - 2.0,
    }
    return params, x, y


def programs(size: Size) -> list[Program]:
    sizes = SIZES[size]
    return [
        Program(
            name="GMM",
            make=mixture,
            arguments=lambda: clusters(*sizes.mixture),
            argnums=(0, 1, 2, 3),
            source=MIXTURE,
        ),
        Program(
            name="Kalman filter",
            make=kalman,
            arguments=lambda: tracking(*sizes.kalman),
            source=KALMAN,
        ),
        Program(
            name="GP likelihood",
            make=process,
            arguments=lambda: samples(*sizes.process),
            source=PROCESS,
        ),
    ]
