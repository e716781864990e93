"""``custom_linear_solve`` and ``custom_root``: derivatives by another solve."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.scipy.sparse.linalg import cg, gmres

import irad
from irad._compat import ir
from tests.kinds import infinite
from tests.laws import Case, check_laws

A = jnp.array([[3.0, 0.5, 0.1], [0.2, 2.5, -0.3], [0.4, 0.1, 4.0]])
B = jnp.array([1.0, -2.0, 0.5])
I3 = jnp.eye(3)
COMPLEX = lax.complex(A, 0.3 * A.T)


def _solve(a, b):
    return jnp.linalg.inv(a) @ b


def _general(a, b):
    return lax.custom_linear_solve(
        lambda x: a @ x,
        b,
        lambda _, b: _solve(a, b),
        transpose_solve=lambda _, b: _solve(a.T, b),
    )


def _symmetric(a, b):
    a = a + a.T
    return lax.custom_linear_solve(
        lambda x: a @ x, b, lambda _, b: _solve(a, b), symmetric=True
    )


def _with_aux(a, b):
    x, steps = lax.custom_linear_solve(
        lambda x: a @ x,
        b,
        lambda _, b: (_solve(a, b), jnp.array(3)),
        transpose_solve=lambda _, b: (_solve(a.T, b), jnp.array(4)),
        has_aux=True,
    )
    return x, steps


def _tree(a, b):
    """The block matrix [[a, 1], [0, 2]]."""

    def forward(_, b):
        v = b["v"] / 2
        return {"u": _solve(a, b["u"] - v), "v": v}

    def backward(_, b):
        u = _solve(a.T, b["u"])
        return {"u": u, "v": (b["v"] - u) / 2}

    return lax.custom_linear_solve(
        lambda x: {"u": a @ x["u"] + x["v"], "v": 2 * x["v"]},
        {"u": b, "v": 3 * b},
        forward,
        transpose_solve=backward,
    )


def _diagonal(a, b):
    return lax.custom_linear_solve(
        lambda x: a * x, b, lambda _, b: b / a, symmetric=True
    )


def _root(a):
    return lax.custom_root(
        lambda z: z**2 - a,
        jnp.ones_like(a),
        lambda f, z: lax.fori_loop(0, 8, lambda _, z: z - f(z) / (2 * z), z),
        lambda linear, y: y / linear(jnp.ones_like(y)),
    )


def _root_with_aux(a):
    return lax.custom_root(
        lambda z: z**3 - a,
        jnp.ones_like(a),
        lambda f, z: (
            lax.fori_loop(0, 9, lambda _, z: z - f(z) / (3 * z**2), z),
            {"steps": 9.0},
        ),
        lambda linear, y: y / linear(jnp.ones_like(y)),
        has_aux=True,
    )


CASES = [
    Case("matrix and right-hand side", _general, (A, B)),
    Case("the right-hand side alone", lambda b: _general(A, b), (B,), second=False),
    Case("the matrix alone", lambda a: _general(a, B), (A,), second=False),
    Case("a repeated operand", lambda a: _general(a, a[0]), (A,), second=False),
    Case("symmetric", _symmetric, (A, B), second=False),
    Case("auxiliary output", _with_aux, (A, B), second=False),
    Case("a tree", _tree, (A, B), second=False),
    Case("complex", _general, (COMPLEX, lax.complex(B, 0.5 * B[::-1])), second=False),
    Case(
        "conjugate gradients",
        lambda a, b: cg(a @ a.T + I3, b)[0],
        (A, B),
        rtol=1e-5,
        second=False,
        numeric=False,
    ),
    Case(
        "gmres",
        lambda a, b: gmres(a, b)[0],
        (A, B),
        rtol=1e-4,
        second=False,
        numeric=False,
    ),
    Case("under vmap", jax.vmap(_general), (jnp.stack([A, 2 * A]), jnp.stack([B, B]))),
    Case("custom_root", _root, (jnp.array(4.0),)),
    Case("float32", _general, (A.astype("float32"), B.astype("float32")), second=False),
    Case("infinite", _general, (A, B), cotangents=infinite, second=False),
    Case("bfloat16", _diagonal, (A[0].astype("bfloat16"),) * 2, second=False),
    Case("custom_root with aux", _root_with_aux, (jnp.array(4.0),), second=False),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_laws(case):
    check_laws(case)


def test_the_gradient_solves_twice_and_differentiates_no_solver():
    def loss(a, b):
        return (_general(a, b) ** 2).sum()

    jaxpr = jax.make_jaxpr(irad.grad(loss, (0, 1)))(A, B).jaxpr
    (call,) = jaxpr.eqns
    inside = call.params["jaxpr"].jaxpr.eqns
    solves = [eqn for eqn in inside if eqn.primitive is ir.linear_solve_p]
    assert len(solves) == 2
    forward, backward = (eqn.params["jaxprs"] for eqn in solves)
    assert forward.solve is backward.transpose_solve


def test_the_tangent_needs_no_transposed_solve():
    def fun(a, b):
        return lax.custom_linear_solve(lambda x: a @ x, b, lambda _, b: _solve(a, b))

    ours = irad.jvp(fun, (A, B), (A, B))
    theirs = jax.jvp(fun, (A, B), (A, B))
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-10, atol=1e-12)
    with pytest.raises(TypeError, match="transpose_solve required for backwards mode"):
        irad.grad(lambda a: fun(a, B).sum())(A)


def test_how_the_user_solves_has_no_derivative():
    def fun(s):
        return lax.custom_linear_solve(
            lambda x: A @ x, B, lambda _, b: _solve(A, b) * (s / s), symmetric=True
        ).sum()

    assert irad.grad(fun)(2.0) == 0.0
