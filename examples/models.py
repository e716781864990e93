"""Five small models that the demonstration differentiates, and their data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax


class Model(NamedTuple):
    """A scalar function of its parameters, and the parameters."""

    name: str
    loss: Callable[[Any], jax.Array]
    parameters: Any


def perceptron(key: jax.Array) -> Model:
    """Four dense layers with tanh, mean squared error over 128 samples."""
    widths = [16, 64, 64, 64, 4]
    keys = jax.random.split(key, len(widths) + 1)
    layers = [
        {"W": jax.random.normal(k, (m, n)) / m**0.5, "b": jnp.zeros(n)}
        for k, m, n in zip(keys, widths[:-1], widths[1:], strict=False)
    ]
    x = jax.random.normal(keys[-2], (128, widths[0]))
    target = jnp.sin(x[:, : widths[-1]])

    def loss(layers: Any) -> jax.Array:
        h = x
        for layer in layers[:-1]:
            h = jnp.tanh(h @ layer["W"] + layer["b"])
        return jnp.mean((h @ layers[-1]["W"] + layers[-1]["b"] - target) ** 2)

    return Model("perceptron, 4 layers", loss, layers)


def lstm(key: jax.Array) -> Model:
    """An LSTM of 32 cells over 50 steps, predicting the next input."""
    n, m, steps = 32, 8, 50
    k1, k2, k3 = jax.random.split(key, 3)
    xs = jnp.sin(jnp.arange(steps + 1)[:, None] / (1 + jnp.arange(m)) + jnp.ones(m))
    weights = {
        "gates": jax.random.normal(k1, (n + m, 4 * n)) / n**0.5,
        "bias": jnp.zeros(4 * n),
        "out": jax.random.normal(k2, (n, m)) / n**0.5,
    }
    start = 0.1 * jax.random.normal(k3, (n,))

    def loss(w: Any) -> jax.Array:
        def step(state: Any, x: jax.Array) -> Any:
            h, c = state
            z = jnp.concatenate([h, x]) @ w["gates"] + w["bias"]
            i, f, o, u = jnp.split(z, 4)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(u)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h @ w["out"]

        _, predicted = lax.scan(step, (start, start), xs[:-1])
        return jnp.mean((predicted - xs[1:]) ** 2)

    return Model("LSTM, 50 steps", loss, weights)


def convolutional(key: jax.Array) -> Model:
    """Two convolutions with relu and max-pooling, then a dense layer and softmax."""
    k1, k2, k3, k4 = jax.random.split(key, 4)
    images = jax.random.normal(k1, (16, 16, 16, 1))
    labels = jnp.arange(16) % 10
    weights = {
        "first": jax.random.normal(k2, (3, 3, 1, 8)) / 3,
        "second": jax.random.normal(k3, (3, 3, 8, 16)) / 8,
        "dense": jax.random.normal(k4, (4 * 4 * 16, 10)) / 16,
    }

    def layer(x: jax.Array, kernel: jax.Array) -> jax.Array:
        y = lax.conv_general_dilated(
            x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        pool = (1, 2, 2, 1)
        return lax.reduce_window(jax.nn.relu(y), -jnp.inf, lax.max, pool, pool, "VALID")

    def loss(w: Any) -> jax.Array:
        h = layer(layer(images, w["first"]), w["second"])
        logits = h.reshape(16, -1) @ w["dense"]
        scores = jax.nn.log_softmax(logits)
        return -jnp.mean(jnp.take_along_axis(scores, labels[:, None], axis=1))

    return Model("convolutional net", loss, weights)


def kalman(key: jax.Array) -> Model:
    """The negative log-likelihood of a linear model, by the Kalman filter."""
    steps = 100
    k1, k2 = jax.random.split(key)
    observed = jnp.cumsum(jax.random.normal(k1, (steps, 2)), axis=0)
    parameters = {
        "transition": 0.9 * jnp.eye(4) + 0.02 * jax.random.normal(k2, (4, 4)),
        "observation": jnp.eye(2, 4),
        "log_noise": jnp.zeros(4),
        "log_error": jnp.zeros(2),
    }

    def loss(p: Any) -> jax.Array:
        F, H = p["transition"], p["observation"]
        Q = jnp.diag(jnp.exp(p["log_noise"]))
        R = jnp.diag(jnp.exp(p["log_error"]))

        def step(state: Any, y: jax.Array) -> Any:
            mean, P = state
            mean, P = F @ mean, F @ P @ F.T + Q
            S = H @ P @ H.T + R
            innovation = y - H @ mean
            gain = jnp.linalg.solve(S, H @ P).T
            score = innovation @ jnp.linalg.solve(S, innovation)
            score += jnp.linalg.slogdet(S)[1]
            return (mean + gain @ innovation, P - gain @ S @ gain.T), score

        _, scores = lax.scan(step, (jnp.zeros(4), jnp.eye(4)), observed)
        return 0.5 * jnp.sum(scores)

    return Model("Kalman filter, 100 steps", loss, parameters)


def gaussian_process(key: jax.Array) -> Model:
    """The negative log marginal likelihood of a Gaussian process with 200 points."""
    n = 200
    x = jnp.sort(jax.random.uniform(key, (n,))) * 10
    y = jnp.sin(x) + 0.1 * jnp.cos(5 * x)
    parameters = {
        "log_scale": jnp.array(0.0),
        "log_height": jnp.array(0.3),
        "log_noise": jnp.array(-2.0),
    }

    def loss(p: Any) -> jax.Array:
        distance = (x[:, None] - x[None, :]) / jnp.exp(p["log_scale"])
        K = jnp.exp(p["log_height"] - 0.5 * distance**2)
        L = jnp.linalg.cholesky(K + jnp.exp(p["log_noise"]) * jnp.eye(n))
        z = jax.scipy.linalg.solve_triangular(L, y, lower=True)
        return 0.5 * z @ z + jnp.sum(jnp.log(jnp.diagonal(L)))

    return Model("Gaussian process, n = 200", loss, parameters)


MODELS = (perceptron, lstm, convolutional, kalman, gaussian_process)
