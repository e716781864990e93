"""Gradients of the public special, neural and random functions are JAX's.

These functions are programs over the primitives: rules meet custom rules, loops and
indices. Only the reverse mode is checked here; the laws check the primitives in both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest
from jax import nn, random
from jax.scipy import special

from tests.laws import Case, check_laws

POSITIVE = np.array([0.3, 1.2, 2.5])
ANY = np.array([0.3, -1.2, 2.5])
INSIDE = np.array([0.3, 0.7, 0.05])
OTHER = np.array([1.1, 0.4, 3.2])
KEY = random.key(5)
DEGREES = np.array([1, 2, 3])
ANGLES = np.array([[0.3, 1.2], [0.7, 2.0]])

SPECIAL: dict[str, tuple[Any, ...]] = {
    "beta": (POSITIVE, OTHER),
    "betainc": (lambda x: special.betainc(POSITIVE, OTHER, x), INSIDE),
    "betaln": (POSITIVE, OTHER),
    "boxcox": (POSITIVE, OTHER),
    "boxcox1p": (POSITIVE, OTHER),
    "dawsn": (ANY,),
    "digamma": (ANY,),
    "entr": (POSITIVE,),
    "erf": (ANY,),
    "erfc": (ANY,),
    "erfcx": (ANY,),
    "erfinv": (INSIDE,),
    "exp1": (POSITIVE,),
    "expi": (ANY,),
    "expit": (ANY,),
    "expn": (lambda x: special.expn(DEGREES, x), POSITIVE),
    "factorial": (POSITIVE,),
    "fresnel": (ANY,),
    "gamma": (ANY,),
    "gammainc": (POSITIVE, OTHER),
    "gammaincc": (POSITIVE, OTHER),
    "gammaln": (ANY,),
    "hyp1f1": (POSITIVE, OTHER, INSIDE),
    "hyp2f1": (POSITIVE, OTHER, OTHER + 1, INSIDE),
    "i0": (ANY,),
    "i0e": (ANY,),
    "i1": (ANY,),
    "i1e": (ANY,),
    "kl_div": (POSITIVE, OTHER),
    "log_ndtr": (ANY * 5,),
    "log_softmax": (ANY,),
    "loggamma": (POSITIVE,),
    "logit": (INSIDE,),
    "logsumexp": (lambda x, b: special.logsumexp(x, b=b), ANY, OTHER),
    "multigammaln": (lambda x: special.multigammaln(x, 2), POSITIVE + 1),
    "ndtr": (ANY,),
    "ndtri": (INSIDE,),
    "owens_t": (ANY, OTHER),
    "poch": (POSITIVE, OTHER),
    "polygamma": (lambda x: special.polygamma(2, x), POSITIVE),
    "rel_entr": (POSITIVE, OTHER),
    "sici": (POSITIVE,),
    "softmax": (ANY,),
    "spence": (POSITIVE,),
    "wofz": (lambda x, y: special.wofz(jax.lax.complex(x, y)), ANY, OTHER),
    "xlog1py": (ANY, OTHER),
    "xlogy": (ANY, OTHER),
    "zeta": (POSITIVE + 1, OTHER),
}

NEURAL: dict[str, tuple[Any, ...]] = {
    "celu": (ANY, OTHER),
    "dot_product_attention": tuple(
        np.random.default_rng(i).standard_normal((1, 3, 2, 4)).astype("float32")
        for i in range(3)
    ),
    "elu": (ANY, OTHER),
    "gelu": (lambda x: [nn.gelu(x), nn.gelu(x, approximate=False)], ANY),
    "glu": (np.append(ANY, 0.7),),
    "hard_sigmoid": (ANY,),
    "hard_silu": (ANY,),
    "hard_tanh": (ANY,),
    "leaky_relu": (ANY,),
    "log1mexp": (POSITIVE,),
    "log_sigmoid": (ANY,),
    "log_softmax": (ANY,),
    "logmeanexp": (ANY,),
    "logsumexp": (ANY,),
    "mish": (ANY,),
    "relu": (np.append(ANY, 0.0),),
    "relu6": (np.append(ANY, [0.0, 6.0, 7.0]),),
    "selu": (ANY,),
    "sigmoid": (ANY,),
    "silu": (ANY,),
    "soft_sign": (ANY,),
    "softmax": (ANY,),
    "softplus": (ANY,),
    "sparse_plus": (ANY,),
    "sparse_sigmoid": (ANY,),
    "squareplus": (ANY,),
    "standardize": (ANY,),
}

# The draws made of gamma variates compile slowly: those that add nothing are left out.
RANDOM: dict[str, tuple[Any, ...]] = {
    "beta": (POSITIVE, OTHER),
    "dirichlet": (POSITIVE,),
    "double_sided_maxwell": (POSITIVE, OTHER),
    "gamma": (POSITIVE,),
    "loggamma": (POSITIVE / 3,),
    "lognormal": (POSITIVE,),
    "multivariate_normal": (ANY, np.diag(POSITIVE) + 0.1),
    "normal": (lambda key, m, s: m + s * random.normal(key, (3,)), ANY, OTHER),
    "pareto": (POSITIVE,),
    "rayleigh": (POSITIVE,),
    "t": (POSITIVE,),
    "triangular": (ANY, ANY + OTHER / 2, ANY + OTHER),
    "truncated_normal": (-POSITIVE, OTHER),
    "uniform": (lambda key, a, b: random.uniform(key, (3,), None, a, b), ANY, OTHER),
    "wald": (POSITIVE,),
    "weibull_min": (POSITIVE, OTHER),
    "categorical": (
        lambda key, logits: logits[random.categorical(key, logits)] ** 2,
        ANY,
    ),
    "gumbel softmax": (
        lambda key, logits: nn.softmax(logits + random.gumbel(key, (3,))),
        ANY,
    ),
    "many keys": (
        lambda key, a: jax.vmap(random.gamma)(random.split(key, 3), a),
        POSITIVE,
    ),
    "folded and raw keys": (
        lambda key, s: (
            s
            * random.normal(random.fold_in(random.PRNGKey(3), 7), (3,))
            * random.uniform(random.wrap_key_data(random.key_data(key)))
        ),
        ANY,
    ),
}


def row(name: str, module: Any, entry: tuple[Any, ...], *first: Any) -> Case:
    given, args = (entry[0], entry[1:]) if callable(entry[0]) else (None, entry)
    fun: Callable[..., Any] = given or getattr(module, name)
    return Case(
        f"{module.__name__.split('.')[-1]}.{name}",
        lambda *x: fun(*first, *x),
        args,
        second=False,
        numeric=False,
        modes=("rev",),
    )


CASES = [
    *(row(name, special, entry) for name, entry in SPECIAL.items()),
    *(row(name, nn, entry) for name, entry in NEURAL.items()),
    *(row(name, random, entry, KEY) for name, entry in RANDOM.items()),
]


# Some of JAX's functions need its usual promotion.
@pytest.mark.usefixtures("standard_promotion")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradients_of_public_functions_are_those_of_jax(case: Case) -> None:
    check_laws(case)
