"""Rows of ``jax.nn``, ``jax.random`` and ``jax.image``."""

from __future__ import annotations

import jax.numpy as jnp
from jax import image, nn, random

from tests.coverage.corpus.values import (
    ANY,
    BATCH,
    IMAGE,
    INDICES,
    INSIDE,
    LARGER,
    MASK,
    MATRIX,
    OTHER,
    POSITIVE,
    RNG,
    SYMMETRIC,
    VECTOR,
)

QUERY, KEYS, VALUES = (
    RNG.standard_normal((1, 3, 2, 4)).astype("float32") for _ in range(3)
)

ACTIVATION_NAMES = """
    celu elu gelu hard_sigmoid hard_silu hard_swish hard_tanh identity leaky_relu
    log_sigmoid log_softmax logmeanexp logsumexp mish relu relu6 selu sigmoid silu
    soft_sign softmax softplus sparse_plus sparse_sigmoid squareplus standardize swish
    tanh
"""

NEURAL = {
    **dict.fromkeys(ACTIVATION_NAMES.split(), (ANY,)),
    "celu: alpha": (nn.celu, ANY, POSITIVE),
    "dot_product_attention": (
        lambda q, k, v: nn.dot_product_attention(q, k, v, is_causal=True),
        QUERY,
        KEYS,
        VALUES,
    ),
    "elu: alpha": (nn.elu, ANY, POSITIVE),
    "gelu: exact": (lambda x: nn.gelu(x, approximate=False), ANY),
    "glu": (VECTOR,),
    "log1mexp": (POSITIVE,),
    "one_hot": (lambda x: x * nn.one_hot(INDICES, 3), ANY),
    "scaled_dot_general": (
        lambda x, y: nn.scaled_dot_general(x, y, (((2,), (2,)), ((0,), (0,)))),
        BATCH.astype("float32"),
        BATCH.astype("float32") + 1,
    ),
    "softmax: where": (lambda x: nn.softmax(x, where=MASK), ANY),
    "logsumexp: weights": (lambda x, b: nn.logsumexp(x, b=b), ANY, LARGER),
}

SHAPED_NAMES = """
    cauchy exponential gumbel laplace logistic maxwell normal
"""


def _scaled(name):
    def scaled(key, s):
        return s * getattr(random, name)(key, (3,))

    return scaled, ANY


RANDOM = {
    **{name: _scaled(name) for name in SHAPED_NAMES.split()},
    "ball": (lambda key, s: s[:2] * random.ball(key, 3, shape=(2,)).T, ANY),
    "beta": (POSITIVE, LARGER),
    "binomial": (lambda key, p: random.binomial(key, 5.0, p), INSIDE),
    "categorical": (
        lambda key, logits: logits[random.categorical(key, logits)] ** 2,
        ANY,
    ),
    "chisquare": (POSITIVE,),
    "choice": (lambda key, x: random.choice(key, x, (2,), replace=False), ANY),
    "clone": (lambda key, s: s * random.normal(random.clone(key), (3,)), ANY),
    "dirichlet": (POSITIVE,),
    "double_sided_maxwell": (POSITIVE, LARGER),
    "f": (POSITIVE, LARGER),
    "fold_in": (
        lambda key, s: s * random.normal(random.fold_in(random.PRNGKey(3), 7), (3,)),
        ANY,
    ),
    "gamma": (POSITIVE,),
    "generalized_normal": (lambda key, s: s * random.generalized_normal(key, 1.5), ANY),
    "loggamma": (POSITIVE / 3,),
    "lognormal": (POSITIVE,),
    "multinomial": (lambda key, p: random.multinomial(key, 5.0, p), INSIDE),
    "multivariate_normal": (ANY, SYMMETRIC),
    "orthogonal": (lambda key, s: s * random.orthogonal(key, 3), ANY),
    "pareto": (POSITIVE,),
    "permutation": (lambda key, x: random.permutation(key, x), MATRIX),
    "rayleigh": (POSITIVE,),
    "split": (
        lambda key, s: s * jnp.stack([random.normal(k) for k in random.split(key, 3)]),
        ANY,
    ),
    "t": (POSITIVE,),
    "triangular": (ANY, ANY + LARGER / 2, ANY + LARGER),
    "truncated_normal": (-POSITIVE, LARGER),
    "uniform": (lambda key, a, b: random.uniform(key, (3,), None, a, b), ANY, OTHER),
    "wald": (POSITIVE,),
    "weibull_min": (POSITIVE, LARGER),
    "wrap_key_data": (
        lambda key, s: (
            s
            * random.uniform(
                random.wrap_key_data(random.key_data(key), impl="unsafe_rbg")
            )
        ),
        ANY,
    ),
}

METHODS = ("linear", "cubic", "lanczos3", "nearest")
IMAGES = {
    **{
        f"resize: {method}": (
            lambda x, method=method: image.resize(x, (1, 3, 9, 2), method),
            IMAGE,
        )
        for method in METHODS
    },
    "scale_and_translate": (
        lambda x, scale, shift: image.scale_and_translate(
            x, (1, 4, 7, 2), (1, 2), scale, shift, "cubic"
        ),
        IMAGE,
        INSIDE[:2] + 0.5,
        OTHER[:2],
    ),
}
