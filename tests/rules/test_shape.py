"""The laws for primitives that move elements about, empty and negative cases too."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import irad
from tests.kinds import of_kinds
from tests.laws import Case, check_laws

RNG = np.random.default_rng(7)
X = RNG.standard_normal((3, 4))
Y = RNG.standard_normal((2, 4))
V = RNG.standard_normal(5)
S = np.array(0.7)
T = RNG.standard_normal((2, 3, 4))
C = X + 1j * RNG.standard_normal((3, 4))
F32, F16, BF16 = jnp.float32, jnp.float16, jnp.bfloat16


def moved(x: Any) -> Any:
    """One row of every rearrangement."""
    return (
        lax.reshape(x, (2, 6)),
        lax.reshape(x, (2, 6), dimensions=(1, 0)),
        lax.transpose(x, (1, 0)),
        lax.rev(x, (1,)),
        lax.rev(x, (0, 1)),
        lax.expand_dims(x, (0, 3)),
        lax.squeeze(lax.reshape(x, (1, 3, 1, 4)), (0, 2)),
        lax.tile(x, (2, 3)),
        jnp.array(x, copy=True),
    )


def sliced(x: Any) -> Any:
    return (
        lax.slice(x, (1, 0), (3, 3)),
        lax.slice(x, (0, 1), (3, 4), (2, 2)),
        lax.slice(x, (0, 1), (3, 4), (1, 3)),
        lax.slice(x, (1, 2), (1, 4), (1, 3)),
        x[1],
        x[::2, ::-1],
        x[-1, 1:],
    )


def broadcast(x: Any) -> Any:
    return (
        lax.broadcast_in_dim(x, (3, 4), (0, 1)),
        lax.broadcast_in_dim(x, (2, 3, 5, 4), (1, 3)),
        lax.broadcast(x, (2,)),
    )


def padded(x: Any, p: Any) -> Any:
    return (
        lax.pad(x, p, ((1, 2, 0), (0, 1, 0))),
        lax.pad(x, p, ((0, 0, 2), (3, 1, 1))),
        lax.pad(x, p, ((-1, 2, 0), (1, -2, 0))),
        lax.pad(x, p, ((-2, -1, 1), (-1, 2, 3))),
        lax.pad(x, p, ((0, 0, 0), (0, 0, 0))),
    )


def joined(x: Any, y: Any) -> Any:
    a, b, c = jnp.split(x, [1, 3], axis=1)
    rows = jnp.unstack(x)
    return (
        lax.concatenate([x, y, x], 0),
        lax.concatenate([x], 0),
        lax.stack([y, y, lax.neg(y)], axis=1),
        jnp.hstack([b * b, a]),
        c,
        rows[0] * rows[2],
        lax.unstack(x, axis=1)[2],
    )


CASES = [
    Case("moved", moved, (X,)),
    Case("moved complex", moved, (C,), second=False),
    Case("moved float16", moved, (X.astype(F16),), second=False),
    Case("moved size 1", lambda x: (lax.rev(x, (0,)), lax.tile(x, (1,))), (V[:1],)),
    Case("reshape to a scalar", lambda x: (x.reshape(()), jnp.exp(x[0])), (V[:1],)),
    Case("tile empty", lambda x: lax.tile(x, (2, 0)), (X,)),
    Case("sliced", sliced, (X,)),
    Case("sliced complex64", sliced, (C.astype(np.complex64),), second=False),
    Case("slice of nothing", lambda x: lax.slice(x, (0, 0), (0, 4)), (X[:0],)),
    Case("broadcast", broadcast, (X,)),
    Case("broadcast bfloat16", broadcast, (X.astype(BF16),), second=False),
    Case(
        "broadcast size 1",
        lambda x: (
            lax.broadcast_in_dim(x, (3, 4), (0, 1)),
            lax.broadcast_in_dim(x, (2, 1, 5, 4), (1, 3)),
            lax.broadcast_in_dim(x, (1, 4), (0, 1)) ** 2,
        ),
        (X[:1],),
    ),
    Case("broadcast scalar", lambda s: lax.broadcast_in_dim(s, (2, 3), ()), (S,)),
    Case("broadcast to nothing", lambda s: lax.broadcast_in_dim(s, (2, 0), ()), (S,)),
    Case("pad", padded, (X, S)),
    Case("pad complex", padded, (C, np.array(0.3 - 1j)), second=False),
    Case("pad float32", padded, (X.astype(F32), S.astype(F32)), second=False),
    Case("pad operand alone", lambda x: padded(x, 0.5), (X,)),
    Case("pad scalar", lambda s: lax.pad(s, s, ()), (S,)),
    Case("pad nothing", lambda x, p: lax.pad(x, p, ((1, 2, 0), (0, 1, 1))), (X[:0], S)),
    Case(
        "pad infinite cotangent",
        lambda x: lax.pad(x, 0.0, ((1, 0, 1),)),
        (V,),
        cotangents=lambda y: [jnp.full(a.shape, np.inf).at[1].set(np.nan) for a in y],
        second=False,
    ),
    Case("joined", joined, (X, Y)),
    Case("joined complex", joined, (C, C[:2]), second=False),
    Case("joined float16", joined, (X.astype(F16), Y.astype(F16)), second=False),
    Case(
        "joined, one inactive", lambda x: lax.concatenate([x, jnp.asarray(Y)], 0), (X,)
    ),
    Case("stack, one inactive", lambda x: jnp.stack([x, jnp.ones(5)]), (V,)),
    Case("concatenate nothing", lambda x, y: lax.concatenate([x, y], 0), (X[:0], Y)),
    Case(
        "split, all parts",
        lambda x: [p * p for p in lax.split(x, (1, 0, 4), axis=0)],
        (V,),
    ),
    *of_kinds(
        "all",
        [
            Case("moved", moved, (X,)),
            Case("sliced", sliced, (X,)),
            Case("broadcast", broadcast, (X,)),
            Case("padded", padded, (X, S)),
            Case("joined", joined, (X, Y)),
        ],
    ),
    Case(
        "vmapped",
        lambda t, s: jax.vmap(lambda x: lax.pad(x[1:].T, s, ((0, 1, 0), (1, 0, 1))))(t),
        (T, S),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_laws(case: Case) -> None:
    check_laws(case)


def test_padding_value_alone_gets_what_was_padded() -> None:
    """JAX fails here: its transpose of pad counts on an active operand."""
    weights = RNG.standard_normal((8, 5))

    def fun(p: Any) -> Any:
        y = lax.pad(jnp.asarray(X), p, ((1, 2, 1), (1, 0, 0)))
        return jnp.sum(y * y * weights)

    y = np.full(weights.shape, 0.7)
    y[1:6:2, 1:] = X
    padding = np.ones(weights.shape, bool)
    padding[1:6:2, 1:] = False
    expected = 2 * np.sum((y * weights)[padding])
    np.testing.assert_allclose(irad.grad(fun)(0.7), expected, rtol=1e-12)
