"""The laws for Cholesky, LU and QR factors, and for solves with structured matrices."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.extend.core import jaxprs_in_params
from jax.scipy import linalg as jsl

import irad
from irad._compat import primitives as private
from tests.kinds import infinite, together
from tests.laws import Case, check_laws
from tests.rules.matrices import dominant, positive, some

cholesky = jnp.linalg.cholesky
C128 = "complex128"


def of_lower(x: Any) -> Any:
    """The factor of the matrix whose lower triangle is that of ``x``, by symmetry."""
    strict = jnp.tril(x, -1)
    diagonal = jnp.real(jnp.diagonal(x)).astype(x.dtype)
    return cholesky(strict + jnp.conj(strict.T) + jnp.diag(diagonal))


def raw_cholesky(x: Any) -> Any:
    """The factor of a matrix of which only the lower triangle is read."""
    return lax.linalg.cholesky(x, symmetrize_input=False)


CHOLESKY = [
    Case("cholesky", cholesky, (positive(3, 3),)),
    Case(
        "cholesky, float32",
        cholesky,
        (positive(3, 3, dtype="float32"),),
        rtol=2e-4,
        second=False,
    ),
    Case("cholesky, complex", cholesky, (positive(3, 3, dtype=C128),)),
    Case("cholesky, batch", cholesky, (positive(2, 2, 2),), second=False),
    Case("cholesky, size 1", cholesky, (positive(1, 1),)),
    Case("cholesky, size 0", cholesky, (jnp.zeros((2, 0, 0)),)),
    Case(
        "cholesky, upper",
        lambda x: jnp.linalg.cholesky(x, upper=True),
        (positive(3, 3),),
    ),
    Case("cholesky, in blocks", cholesky, (positive(65, 65),), rtol=1e-8),
    Case(
        "cholesky, in blocks of blocks, complex",
        cholesky,
        (positive(257, 257, dtype="complex64"),),
        rtol=2e-3,
        second=False,
    ),
    Case(
        "cholesky of a lower triangle",
        raw_cholesky,
        (dominant(3, 3),),
        like=of_lower,
    ),
    Case(
        "cholesky of a lower triangle, complex",
        raw_cholesky,
        (dominant(3, 3, dtype=C128),),
        like=of_lower,
    ),
    Case(
        "cholesky of a lower triangle, in blocks",
        lambda x: raw_cholesky(x * 9),
        (dominant(65, 65) + 20 * jnp.eye(65),),
        like=lambda x: of_lower(x * 9),
        second=False,
        rtol=1e-8,
    ),
    Case(
        "cholesky of an indefinite matrix",
        cholesky,
        (-positive(3, 3),),
        numeric=False,
        second=False,
    ),
    Case(
        "cholesky, an infinite cotangent",
        cholesky,
        (positive(3, 3),),
        cotangents=lambda y: [jnp.full(y[0].shape, 1.0).at[2, 1].set(jnp.inf)],
        second=False,
    ),
    Case(
        "cholesky_update",
        lambda x, w: lax.linalg.cholesky_update(jnp.triu(x), w),
        (dominant(3, 3), some(3)),
        like=lambda x, w: jnp.linalg.cholesky(
            jnp.triu(x).T @ jnp.triu(x) + jnp.outer(w, w), upper=True
        ),
    ),
    Case(
        "symmetric_product",
        lambda a, c: lax.linalg.symmetric_product(a, c + c.T, alpha=2.0, beta=0.5),
        (some(3, 2), some(3, 3)),
        like=lambda a, c: 2.0 * (a @ a.T) + 0.5 * (c + c.T),
    ),
]


def lu(x: Any) -> Any:
    """Both triangles of the factors, in one matrix."""
    return lax.linalg.lu(x)[0]


def full(x: Any) -> Any:
    return jnp.linalg.qr(x, mode="complete")


def pivoted(x: Any) -> Any:
    return lax.linalg.qr(x, pivoting=True, full_matrices=False)


def moved_by_hand(x: Any) -> Any:
    """The pivoted factorization as that of a matrix with its columns moved."""
    return jnp.linalg.qr(x[:, pivoted(lax.stop_gradient(x))[2]])


QR = jnp.linalg.qr
LU_AND_QR = [
    Case("lu", lu, (some(3, 3),)),
    Case(
        "lu, float32", lu, (dominant(3, 3, dtype="float32"),), rtol=2e-4, second=False
    ),
    Case("lu, tall", lu, (some(5, 3),)),
    Case("lu, wide, complex", lu, (some(2, 4, dtype=C128),)),
    Case("lu, batch of wide", lu, (some(2, 2, 3),), second=False),
    Case("lu, size 1", lu, (some(1, 1),), second=False),  # zero, but for rounding
    Case("lu, no rows", lu, (some(0, 2),)),
    Case("qr", QR, (some(3, 3),)),
    Case(
        "qr, float32", QR, (dominant(3, 3, dtype="float32"),), rtol=2e-4, second=False
    ),
    Case("qr, tall, complex", QR, (some(4, 2, dtype=C128),)),
    Case("qr, batch of wide", QR, (some(2, 2, 3),), second=False),
    Case("qr, wide, complex", QR, (some(2, 3, dtype=C128),)),
    Case("qr, only R", lambda x: jnp.linalg.qr(x, mode="r"), (some(3, 2),)),
    Case("qr, full", full, (some(4, 2),)),
    Case("qr, full, complex batch", full, (some(2, 3, 1, dtype=C128),), second=False),
    Case("qr, pivoted", pivoted, (some(4, 3),)),
    Case("qr, pivoted, wide", pivoted, (some(2, 4),), like=moved_by_hand, second=False),
    Case(
        "qr, pivoted, batch",
        pivoted,
        (some(2, 3, 2),),
        like=lambda x: [jnp.stack(y) for y in zip(*map(moved_by_hand, x), strict=True)],
        second=False,
    ),
]

FLAGS = [
    dict(
        zip(("left_side", "lower", "transpose_a", "unit_diagonal"), flags, strict=True)
    )
    for flags in itertools.product((False, True), repeat=4)
]


def solves(**more: Any) -> Any:
    """All triangular solves of a square matrix with another."""
    return lambda a, b: [
        lax.linalg.triangular_solve(a, b, **flags, **more) for flags in FLAGS
    ]


def left(a: Any, b: Any) -> Any:
    return lax.linalg.triangular_solve(a, b, left_side=True, lower=True)


def right(a: Any, b: Any) -> Any:
    return lax.linalg.triangular_solve(a, b, transpose_a=True)


def tridiagonal(lower: Any, d: Any, upper: Any, b: Any) -> Any:
    return lax.linalg.tridiagonal_solve(lower, d + 5, upper, b)


DIAGONAL = some(4)
SOLVES = [
    Case(
        "triangular_solve",
        solves(),
        (dominant(3, 3), some(3, 3)),
        second=False,
        rtol=1e-9,
    ),
    Case(
        "triangular_solve, conjugated",
        lambda a, b: solves(conjugate_a=True)(a, b)[::3],
        (dominant(2, 2, dtype=C128), some(2, 2, dtype=C128)),
    ),
    Case("narrow from the left", left, (dominant(3, 3), some(3, 1))),
    Case("wide from the left", left, (dominant(2, 2), some(2, 4))),
    Case("tall from the right", right, (dominant(2, 2), some(4, 2))),
    Case("low from the right", right, (dominant(3, 3), some(1, 3))),
    Case(
        "wide, only the matrix", lambda a: left(a, np.ones((2, 4))), (dominant(2, 2),)
    ),
    Case(
        "low, only the matrix", lambda a: right(a, np.ones((1, 3))), (dominant(3, 3),)
    ),
    Case("only the right-hand side", lambda b: left(np.eye(3) + 1, b), (some(3, 2),)),
    Case("a matrix by itself", lambda a: left(a, a), (dominant(3, 3),), second=False),
    Case("a batch", left, (dominant(2, 2, 2), some(2, 2, 3)), second=False),
    Case(
        "float32",
        left,
        (dominant(3, 3, dtype="float32"), some(3, 2, dtype="float32")),
        rtol=2e-4,
    ),
    Case("nothing to solve for", left, (dominant(3, 3), some(3, 0)), second=False),
    Case(
        "an infinite cotangent",
        left,
        (dominant(3, 3), some(3, 2)),
        cotangents=lambda y: [jnp.full(y[0].shape, 1.0).at[1, 1].set(jnp.inf)],
        second=False,
    ),
    Case("tridiagonal_solve", tridiagonal, (some(4), some(4), some(4), some(4, 2))),
    Case(
        "tridiagonal_solve, complex batch",
        tridiagonal,
        (*(some(2, 3, dtype=C128) for _ in range(3)), some(2, 3, 1, dtype=C128)),
    ),
    Case(
        "tridiagonal_solve, float32",
        tridiagonal,
        (*(some(3, dtype="float32") for _ in range(3)), some(3, 2, dtype="float32")),
        rtol=2e-4,
        second=False,
    ),
    Case(
        "tridiagonal_solve, one diagonal at a time",
        lambda x, b: (
            tridiagonal(x, DIAGONAL, DIAGONAL, b),
            tridiagonal(DIAGONAL, x, DIAGONAL, lax.stop_gradient(b)),
            tridiagonal(DIAGONAL, DIAGONAL, x, lax.stop_gradient(b)),
            tridiagonal(DIAGONAL, DIAGONAL, DIAGONAL, b),
        ),
        (some(4), some(4, 1)),
        numeric=False,  # stop_gradient
    ),
]


LEFT = Case("left", left, (dominant(3, 3), some(3, 2)))
UPDATES = [r for r in CHOLESKY if r.name in ("cholesky_update", "symmetric_product")]
KINDS = [
    together("updates, float32", UPDATES, "float32", rtol=2e-4),
    together("products, bfloat16", [UPDATES[1], LEFT], "bfloat16"),
    together(
        "all infinite",
        [
            *UPDATES,
            Case("cholesky", cholesky, (positive(3, 3),)),
            Case("lu", lu, (dominant(3, 3),)),
            Case("qr", QR, (dominant(3, 3),)),
            LEFT,
            Case("tridiagonal", tridiagonal, (*some(3, 4), some(4, 2))),
        ],
        cotangents=infinite,
    ),
]


def gaussian_process(scale: Any, x: Any, y: Any) -> Any:
    """A negative log-likelihood: half y K^-1 y + half log det K."""
    squares = ((x[:, None] - x[None]) ** 2 * jnp.exp(scale)).sum(-1)
    kernel = jnp.exp(-0.5 * squares) + 0.1 * jnp.eye(len(x), dtype=x.dtype)
    factor = jnp.linalg.cholesky(kernel)
    weights = jsl.cho_solve((factor, True), y)
    return 0.5 * y @ weights + jnp.log(jnp.diag(factor)).sum()


A, B = dominant(3, 3), some(3, 2)
FUNCTIONS = [
    Case("solve", jnp.linalg.solve, (A, B)),
    Case("solve, vector", jnp.linalg.solve, (A, some(3))),
    Case(
        "solve, complex batch",
        jnp.linalg.solve,
        tuple(some(2, 2, 2, dtype=C128) for _ in "AB"),
        second=False,
    ),
    Case("inv", jnp.linalg.inv, (A,)),
    Case("det", jnp.linalg.det, (A,)),
    Case("det, larger", jnp.linalg.det, (dominant(4, 4),)),
    Case(
        "det of a singular matrix",
        jnp.linalg.det,
        (jnp.diag(jnp.array([3.0, 2, 1, 0])),),
        second=False,
    ),
    Case("slogdet", jnp.linalg.slogdet, (A,)),
    Case(
        "matrix_power", lambda x: [jnp.linalg.matrix_power(x, n) for n in (3, -2)], (A,)
    ),
    Case("multi_dot", lambda x, y: jnp.linalg.multi_dot([x, y, y.T]), (A, B)),
    Case(
        "norm",
        lambda x: (
            [jnp.linalg.norm(x, ord) for ord in (None, 1, jnp.inf, "fro")]
            + [jnp.linalg.norm(x, axis=1), jnp.linalg.norm(x[0], 3)]
        ),
        (B,),
    ),
    Case("cho_solve", lambda x, b: jsl.cho_solve(jsl.cho_factor(x @ x.T), b), (A, B)),
    Case("lu_solve", lambda x, b: jsl.lu_solve(jsl.lu_factor(x), b), (A, B)),
    Case(
        "lu_solve, transposed",
        lambda x, b: jsl.lu_solve(jsl.lu_factor(x), b, 1),
        (A, B),
        second=False,
    ),
    Case("solve_triangular", lambda x, b: jsl.solve_triangular(x, b, trans=1), (A, B)),
    Case("solve, positive", lambda x, b: jsl.solve(x @ x.T, b, assume_a="pos"), (A, B)),
    Case("expm", jsl.expm, (A / 3,), modes=("rev",), second=False),
    Case("block_diag", jsl.block_diag, (A, B)),
    Case(
        "the gradient of a likelihood", gaussian_process, (some(2), some(5, 2), some(5))
    ),
]


@pytest.mark.parametrize(
    "case", [*CHOLESKY, *LU_AND_QR, *SOLVES, *KINDS, *FUNCTIONS], ids=str
)
def test_laws(case: Case) -> None:
    check_laws(case)


def flops(fun: Any, *x: Any) -> float:
    """The operations of a compiled function, as XLA counts them."""
    cost = jax.jit(fun).lower(*x).compile().cost_analysis()
    assert cost is not None
    return cost["flops"]


@pytest.mark.parametrize("n", [64, 128, 256])
def test_a_likelihood_takes_fewer_operations_than_with_jax(n: int) -> None:
    args = (some(2), some(n, 2), some(n))
    ours, theirs = (flops(ad.grad(gaussian_process), *args) for ad in (irad, jax))
    assert ours < (0.8 if n == 64 else 0.65) * theirs


@pytest.mark.parametrize(
    ("factorize", "name"),
    [(cholesky, "cholesky"), (lu, "lu"), (QR, "qr"), (pivoted, "qr")],
)
def test_nothing_is_factorized_again(factorize: Any, name: str) -> None:
    """Not by the gradient either, and no product is taken of factors alone."""

    def loss(x: Any) -> Any:
        return sum(
            jnp.sum(y**3) for y in jax.tree.leaves(factorize(x)) if y.dtype == x.dtype
        )

    counted = Counter(
        eqn.primitive.name for eqn in _equations(irad.grad(loss), positive(3, 3))
    )
    assert counted[name] == 1


def _equations(fun: Any, x: Any) -> list[Any]:
    """All equations of a function's jaxpr, those of inner ones too."""
    pending, found = [jax.make_jaxpr(fun)(x).jaxpr], []
    while pending:
        for eqn in pending.pop().eqns:
            found.append(eqn)
            pending += jaxprs_in_params(eqn.params)
    return found


RAW = {
    "geqrf": lambda x: private.geqrf_p.bind(x)[0],
    "hessenberg": lambda x: lax.linalg.hessenberg(x)[0],
    "householder_product": lambda x: lax.linalg.householder_product(x, x[0]),
    "ormqr": lambda x: lax.linalg.ormqr(x, x[0], x),
    "schur": lambda x: lax.linalg.schur(x)[0],
    "tridiagonal": lambda x: lax.linalg.tridiagonal(x)[0],
}


@pytest.mark.parametrize("name", RAW)
def test_a_raw_factorization_is_refused_by_name(name: str) -> None:
    """As by JAX, which has no rule for it."""
    for ad in (irad, jax):
        with pytest.raises(NotImplementedError, match=name):
            ad.jvp(RAW[name], (A,), (A,))
