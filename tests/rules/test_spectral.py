"""The laws for eigenvalues and singular values."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.scipy import linalg as jsl

import irad
from tests.kinds import infinite, together
from tests.laws import Case, check_laws
from tests.rules.matrices import dominant, positive, some

C128 = "complex128"
eigh, eigvalsh, eigvals = jnp.linalg.eigh, jnp.linalg.eigvalsh, jnp.linalg.eigvals

TWICE_TWO = jnp.diag(jnp.array([2.0, 2.0, 5.0]))


def eig(x: Any, **options: Any) -> Any:
    """Eigenvalues, and both kinds of eigenvectors."""
    return lax.linalg.eig(x, enable_eigvec_derivs=True, **options)


def eigh_of_triangle(x: Any) -> Any:
    """Of a Hermitian matrix of which one triangle is read."""
    v, w = lax.linalg.eigh(x, symmetrize_input=False)
    return w, v


def eigenvalues_beside_vectors(x: Any) -> Any:
    """What JAX can differentiate twice."""
    return eig(x, compute_left_eigenvectors=False)[0]


def beside_fixed_vectors(x: Any) -> Any:
    """Eigenvalues, and eigenvectors that nothing is differentiated through."""
    w, v = eigh(x)
    return w * lax.stop_gradient(v).sum()


EIGEN = [
    Case("eigh", eigh, (positive(3, 3),)),
    Case("eigh, float32", eigh, (positive(3, 3, dtype="float32"),), rtol=5e-4),
    Case("eigh, complex", eigh, (positive(3, 3, dtype=C128),), numeric=False),
    Case("eigh, batch, upper", lambda x: eigh(x, UPLO="U"), (positive(2, 2, 2),)),
    Case("eigh, size 1", eigh, (positive(1, 1),)),
    Case("eigvalsh, complex", eigvalsh, (positive(3, 3, dtype=C128),)),
    Case("eigvalsh, equal values", eigvalsh, (TWICE_TWO,), second=False, numeric=False),
    Case("eigh, equal values", eigh, (TWICE_TWO,), second=False, numeric=False),
    Case(
        "eigh, equal values, of the vectors only the last",
        lambda x: eigh(x)[1][:, 2],
        (TWICE_TWO,),
        second=False,
        numeric=False,
    ),
    Case(
        "eigh, equal values, the vectors held fixed",
        beside_fixed_vectors,
        (TWICE_TWO,),
        second=False,
        numeric=False,
    ),
    Case("eig", eig, (dominant(2, 2),)),
    Case(
        "eig, complex values",
        eig,
        (jnp.array([[1.0, 2.0], [-3.0, 1.5]]),),
        second=False,
    ),
    Case("eig, complex batch", eig, (dominant(2, 2, 2, dtype=C128),), second=False),
    Case(
        "eig, left vectors",
        lambda x: eig(x, compute_right_eigenvectors=False),
        (dominant(2, 2),),
        second=False,
    ),
    Case(
        "eigh of a triangle",
        eigh_of_triangle,
        (positive(3, 3),),
        second=False,
        numeric=False,
    ),
    Case("eigvals, complex", eigvals, (dominant(3, 3, dtype=C128),), second=False),
    Case("eigvals, float32", eigvals, (dominant(3, 3, dtype="float32"),), second=False),
    together(
        "eigen infinite",
        [Case("eigh", eigh, (positive(3, 3),)), Case("eig", eig, (dominant(2, 2),))],
        cotangents=infinite,
    ),
    Case("eigvals, twice", eigvals, (dominant(2, 2),), like=eigenvalues_beside_vectors),
    Case(
        "matrix functions", lambda x: jnp.linalg.matrix_power(x, 3), (dominant(3, 3),)
    ),
]


def svd(x: Any) -> Any:
    return jnp.linalg.svd(x, full_matrices=False)


def svdvals(x: Any) -> Any:
    return jnp.linalg.svd(x, compute_uv=False)


ORTHOGONAL = jnp.array([[0.6, -0.8], [0.8, 0.6]])
SINGULAR = [
    Case("svd", svd, (some(3, 3),)),
    Case("svd, tall", svd, (some(4, 2),)),
    Case("svd, wide", svd, (some(2, 4),)),
    Case("svd, float32", svd, (dominant(3, 3, dtype="float32"),), rtol=1e-3),
    Case("svd, complex", svd, (some(2, 2, dtype=C128),), numeric=False),
    Case("svd, tall and complex", svd, (some(3, 2, dtype=C128),), numeric=False),
    Case(
        "svd, wide and complex",
        svd,
        (some(2, 3, dtype=C128),),
        numeric=False,
        second=False,
    ),
    Case("svd, batch of wide", svd, (some(2, 2, 3),), second=False),
    Case("svd, full and square", jnp.linalg.svd, (some(2, 2),)),
    Case("svd, size 1", svd, (some(1, 1),)),
    Case("singular values, wide", svdvals, (some(2, 3),)),
    Case("singular values, tall and complex", svdvals, (some(3, 2, dtype=C128),)),
    Case(
        "svd, equal values",
        svd,
        (ORTHOGONAL,),
        cotangents=lambda y: [jnp.ones_like(a) for a in y],
        second=False,
        numeric=False,
    ),
    Case("equal singular values", svdvals, (ORTHOGONAL,), second=False, numeric=False),
    Case(
        "svd, a value of zero",
        svd,
        (jnp.diag(jnp.array([2.0, 0.0])),),
        second=False,
        numeric=False,
    ),
    Case("pinv", jnp.linalg.pinv, (some(3, 2),)),
    Case(
        "pinv, hermitian",
        lambda x: jnp.linalg.pinv(x, hermitian=True),
        (positive(2, 2),),
    ),
    Case("lstsq", lambda x, y: jnp.linalg.lstsq(x, y)[0], (some(4, 2), some(4))),
    Case(
        "norms by singular values",
        lambda x: (
            [jnp.linalg.norm(x, ord) for ord in (2, -2, "nuc")] + [jnp.linalg.cond(x)]
        ),
        (some(3, 2),),
    ),
    Case("polar", lambda x: jsl.polar(x, method="svd"), (dominant(2, 2),), rtol=1e-8),
]


@pytest.mark.parametrize("case", [*EIGEN, *SINGULAR], ids=str)
def test_laws(case: Case) -> None:
    check_laws(case)


def products(fun: Any, *x: Any) -> int:
    """How many products of matrices a function takes."""
    return str(jax.make_jaxpr(fun)(*x)).count("dot_general[")


@pytest.mark.parametrize("values", [eigvalsh, svdvals])
def test_values_alone_take_one_product_of_matrices(values: Any) -> None:
    assert products(irad.grad(lambda x: values(x).sum()), positive(3, 3)) == 1


def test_gradient_of_the_sum_of_singular_values_is_the_orthogonal_factor() -> None:
    x = some(4, 3)
    u, _, vh = svd(x)
    gradient = irad.grad(lambda x: svdvals(x).sum())(x)
    np.testing.assert_allclose(gradient, u @ vh, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "fun",
    [
        lambda x: jnp.linalg.svd(x)[0],
        lambda x: lax.linalg.eig(x[:2])[1].real,
        lambda x: jnp.linalg.eig(x[:2])[0].real,
    ],
)
def test_vectors_that_jax_refuses_are_refused(fun: Any) -> None:
    """Full singular vectors, and eigenvectors that no one answered for."""
    for ad in (irad, jax):
        with pytest.raises(NotImplementedError):
            ad.jvp(fun, (some(3, 2),), (some(3, 2),))
