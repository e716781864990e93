"""Large patterns are found and coloured without work for each element in Python."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import irad
from irad.compression import colouring
from irad.compression.pattern import from_csr

RNG = np.random.default_rng(0)
CAMERAS, POINTS, SEEN = 54, 18408, 47764


def test_a_wide_net_is_one_class_of_rows():
    W = jnp.asarray(RNG.normal(size=(2, 1000, 1000)))
    pattern = irad.sparsity(lambda x: W[1] @ jnp.tanh(W[0] @ x))(jnp.ones(1000))
    assert pattern.shape == (1000, 1000)
    assert pattern.nnz == 1_000_000


def test_a_scan_of_a_thousand_steps_is_followed_exactly():
    def fun(x: Any) -> Any:
        return lax.scan(lambda s, a: (jnp.tanh(s * a), s + a), x[0], x)[1]

    pattern = irad.sparsity(fun)(jnp.linspace(0.5, 1.5, 1000))
    np.testing.assert_array_equal(pattern.toscipy().toarray(), np.tri(1000, dtype=bool))


def test_a_stencil_over_many_steps_is_a_band():
    def step(u: Any, _: Any) -> Any:
        return u.at[1:-1].add(u[2:] - 2.0 * u[1:-1] + u[:-2]), None

    pattern = irad.sparsity(lambda u: lax.scan(step, u, None, length=40)[0])(
        jnp.ones(2000)
    )
    reach = abs(pattern.rows.astype(int) - pattern.columns)
    assert reach.max() == 40
    middle = pattern.rows == 1000
    assert middle.sum() == 81


def test_a_grid_needs_five_colours_found_at_once():
    def fun(u: Any) -> Any:
        y = u**2
        return (
            4.0 * y[1:-1, 1:-1]
            - y[:-2, 1:-1]
            - y[2:, 1:-1]
            - y[1:-1, 2:] * u[1:-1, :-2]
        )

    pattern = from_csr(irad.sparsity(fun)(jnp.ones((200, 200))).toscipy())
    assert colouring.columns(pattern, (200, 200)).count == 5


def reprojection(cameras: Any, points: Any, camera: Any, point: Any) -> Any:
    """Where points appear in the pictures of cameras with a radial distortion."""
    c, x = cameras[camera], points[point]
    angle = jnp.sqrt((c[:, :3] ** 2).sum(1, keepdims=True) + 1e-12)
    axis = c[:, :3] / angle
    along = axis * (axis * x).sum(1, keepdims=True) * (1.0 - jnp.cos(angle))
    turned = x * jnp.cos(angle) + jnp.cross(axis, x) * jnp.sin(angle) + along
    seen = turned + c[:, 3:6]
    at = -seen[:, :2] / seen[:, 2:]
    r = (at**2).sum(1)
    return (c[:, 6] * (1.0 + c[:, 7] * r + c[:, 8] * r * r))[:, None] * at


def test_bundle_adjustment_is_found_exactly_and_needs_twelve_colours():
    camera = np.arange(SEEN) % CAMERAS
    point = np.concatenate([np.arange(POINTS), RNG.integers(0, POINTS, SEEN - POINTS)])
    found = irad.sparsity(
        lambda c, x: reprojection(c, x, jnp.asarray(camera), jnp.asarray(point)),
        argnums=(0, 1),
    )(jnp.ones((CAMERAS, 9)), jnp.ones((POINTS, 3)))
    assert found.shape == (2 * SEEN, 9 * CAMERAS + 3 * POINTS)
    assert found.nnz == 24 * SEEN
    for columns in (colouring.columns, colouring.two_sided):
        assert columns(from_csr(found.toscipy())).count == 12


def test_a_loop_over_places_that_it_counts_is_exact():
    @jax.jit
    def fun(x: Any) -> Any:
        return lax.fori_loop(0, 50, lambda i, s: s.at[i].add(s[i + 1] ** 2), x)

    pattern = irad.sparsity(fun)(jnp.ones(51))
    np.testing.assert_array_equal(
        pattern.toscipy().toarray(), np.eye(51) + np.eye(51, k=1) > 0
    )
