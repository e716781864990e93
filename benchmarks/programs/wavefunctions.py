"""Logarithms of wavefunctions, whose Laplacian is in the kinetic energy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from benchmarks.programs.program import Draw, Program, Size

DETERMINANT = (
    "Pfau, Spencer, Matthews, Foulkes, Ab initio solution of the many-electron "
    "Schroedinger equation with deep neural networks (2020), arXiv:1909.02487, with "
    "one stream of features, electrons of one spin and one determinant"
)
JASTROW = (
    "Foulkes, Mitas, Needs, Rajagopal, Quantum Monte Carlo simulations of solids, "
    "Reviews of Modern Physics 73 (2001), section IV.B: pairs of electrons"
)


class Sizes(NamedTuple):
    """Walkers at once, electrons, nuclei, features of a layer, layers."""

    walkers: int
    electrons: int
    nuclei: int
    width: int
    layers: int


SIZES: dict[Size, Sizes] = {
    "small": Sizes(walkers=2, electrons=4, nuclei=2, width=16, layers=2),
    "full": Sizes(walkers=32, electrons=10, nuclei=4, width=64, layers=3),
}


def determinant() -> Callable[..., jax.Array]:
    def logarithm(
        x: jax.Array, layers: list[jax.Array], orbitals: jax.Array, nuclei: jax.Array
    ) -> jax.Array:
        apart = x.reshape(-1, 1, 3) - nuclei
        far = jnp.sqrt(jnp.sum(apart**2, axis=-1))
        features = jnp.concatenate([apart.reshape(far.shape[0], -1), far], axis=1)
        for w in layers:
            mean = jnp.broadcast_to(jnp.mean(features, axis=0), features.shape)
            features = jnp.tanh(jnp.concatenate([features, mean], axis=1) @ w)
        decay = jnp.sum(jnp.exp(-far), axis=1, keepdims=True)
        return jnp.linalg.slogdet(features @ orbitals * decay)[1]

    return logarithm


def jastrow() -> Callable[..., jax.Array]:
    def logarithm(x: jax.Array, screening: jax.Array) -> jax.Array:
        r = x.reshape(-1, 3)
        first, second = jnp.triu_indices(r.shape[0], 1)
        far = jnp.sqrt(jnp.sum((r[first] - r[second]) ** 2, axis=1))
        return -jnp.sum(0.5 * far / (1 + screening * far)) - jnp.sum(r**2)

    return logarithm


def programs(size: Size) -> list[Program]:
    sizes = SIZES[size]

    def electrons(draw: Draw) -> jax.Array:
        return draw.normal(sizes.walkers, 3 * sizes.electrons)

    def network() -> tuple[Any, ...]:
        draw = Draw()
        x, width = electrons(draw), sizes.width
        inputs = [4 * sizes.nuclei, *[width] * (sizes.layers - 1)]
        layers = [draw.weights(2 * n, width) for n in inputs]
        orbitals = draw.weights(width, sizes.electrons)
        return x, layers, orbitals, draw.normal(sizes.nuclei, 3)

    return [
        Program(
            name="wavefunction with a determinant",
            make=determinant,
            arguments=network,
            source=DETERMINANT,
            tolerance=2e-3,
        ),
        Program(
            name="Jastrow factor",
            make=jastrow,
            arguments=lambda: (electrons(Draw()), jnp.float32(0.5)),
            source=JASTROW,
            tolerance=2e-3,
        ),
    ]
