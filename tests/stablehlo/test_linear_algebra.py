"""Linear algebra in modules: custom calls are the primitives that JAX made them of."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.linalg as jsl
import numpy as np
import pytest
from jax import lax
from jax.lax import linalg

import irad
from irad._compat.ir import inner_jaxprs
from irad.stablehlo import Module
from irad_passes.modules import opaque_p
from tests.stablehlo.agreement import check_differences
from tests.stablehlo.exported import exported

RNG = np.random.RandomState(0)
SQUARE = RNG.randn(4, 4)
TALL = RNG.randn(5, 3)
WIDE = TALL.T.copy()
SYMMETRIC = SQUARE @ SQUARE.T + 4 * np.eye(4)
COMPLEX = SQUARE + 1j * RNG.randn(4, 4)
HERMITIAN = COMPLEX @ COMPLEX.conj().T + 4 * np.eye(4)
B = RNG.randn(4, 2)
WEIGHTS = RNG.randn(64)


def weighted(*trees: Any) -> Any:
    """A real number that depends on every element of all floating-point results."""
    total = jnp.zeros(())
    for i, y in enumerate(jax.tree.leaves(trees)):
        if jnp.issubdtype(y.dtype, jnp.inexact):
            w = jnp.resize(jnp.asarray(WEIGHTS[i:]), y.shape)
            total += jnp.sum(w * jnp.real(y)) + jnp.sum(w * w * jnp.imag(y))
    return total


def solved(**options: Any) -> Callable[[Any], Any]:
    def solve(a: Any) -> Any:
        b = (B if options["left_side"] else B.T).astype(a.dtype)
        return linalg.triangular_solve(a, b, **options)

    return solve


PROGRAMS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "cholesky": (jnp.linalg.cholesky, SYMMETRIC),
    "cholesky, batch": (jnp.linalg.cholesky, np.stack([SYMMETRIC, 2 * SYMMETRIC])),
    "cholesky, complex": (jnp.linalg.cholesky, HERMITIAN),
    "lu": (jsl.lu, SQUARE),
    "qr": (jnp.linalg.qr, TALL),
    "qr, wide": (jnp.linalg.qr, WIDE),
    "qr, batch": (jnp.linalg.qr, np.stack([TALL, TALL + 1])),
    "qr, full": (lambda a: jnp.linalg.qr(a, mode="complete"), TALL),
    "qr, R alone": (lambda a: jnp.linalg.qr(a, mode="r"), TALL),
    "svd": (lambda a: jnp.linalg.svd(a, full_matrices=False), TALL),
    "svd, values": (lambda a: jnp.linalg.svd(a, compute_uv=False), WIDE),
    "eigh": (jnp.linalg.eigh, SYMMETRIC),
    "eigvalsh, complex": (jnp.linalg.eigvalsh, HERMITIAN),
    "eigvals": (jnp.linalg.eigvals, SQUARE),
    "eigvals, complex": (jnp.linalg.eigvals, COMPLEX),
    "tridiagonal": (
        lambda d: linalg.tridiagonal_solve(0.1 * d, d + 5, 0.2 * d, B),
        SQUARE[0],
    ),
    "solution": (lambda a: jnp.linalg.solve(a, B), SQUARE),
    "solution for a vector, complex": (
        lambda a: jnp.linalg.solve(a, B[:, 0].astype(a.dtype)),
        COMPLEX,
    ),
    "solution, batch": (
        lambda a: jnp.linalg.solve(a, jnp.stack([B, B])),
        np.stack([SQUARE, 2 * SQUARE]),
    ),
    "inverse": (jnp.linalg.inv, SQUARE),
    "determinant": (jnp.linalg.det, SQUARE),
    "determinant and its logarithm, batch": (
        jnp.linalg.slogdet,
        np.stack([SQUARE, SQUARE[::-1]]),
    ),
    "determinant and its logarithm, complex": (jnp.linalg.slogdet, COMPLEX),
    "determinant and solution": (
        lambda a: (jnp.linalg.det(a), jnp.linalg.solve(a, B)),
        SQUARE,
    ),
    "diagonal of factors": (lambda a: jnp.diagonal(jsl.lu_factor(a)[0]), SQUARE),
    "antidiagonal of factors": (
        lambda a: jnp.diagonal(jsl.lu_factor(a)[0][:, ::-1]),
        SQUARE,
    ),
    "solutions in a loop": (
        lambda a: jax.lax.fori_loop(0, 3, lambda _, b: jnp.linalg.solve(a, b), B),
        SQUARE,
    ),
    "solve, left": (
        solved(left_side=True, lower=True, transpose_a=True, unit_diagonal=True),
        SYMMETRIC,
    ),
    "solve, right": (
        solved(left_side=False, lower=False, transpose_a=True, conjugate_a=True),
        HERMITIAN,
    ),
}
SECOND_ORDER = ("cholesky", "qr", "svd", "eigh", "solution", "determinant")


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_gradient_is_that_of_the_source(name: str) -> None:
    f, x = PROGRAMS[name]
    module = exported(lambda a: weighted(f(a)), x)
    assert not carried(module)
    gradient = irad.stablehlo.grad(module)
    expected = jax.jit(jax.grad(lambda a: weighted(f(a))))(x)
    np.testing.assert_allclose(gradient(x)[0], expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", SECOND_ORDER)
def test_second_order_is_that_of_the_source(name: str) -> None:
    f, x = PROGRAMS[name]
    t = np.cos(x)
    module = exported(lambda a: weighted(f(a)), x)
    (product,) = irad.stablehlo.hvp(module)(x, t)
    gradient = jax.grad(lambda a: weighted(f(a)))
    expected = jax.jit(lambda a: jax.jvp(gradient, (a,), (t,))[1])(x)
    np.testing.assert_allclose(product, expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("x", [SYMMETRIC, HERMITIAN], ids=["real", "complex"])
def test_eigenvectors_are_of_the_triangle_that_a_module_reads(
    x: Any, lower: bool
) -> None:
    def of_triangle(a: Any) -> Any:
        v = lax.linalg.eigh(a, lower=lower, symmetrize_input=False)[0]
        return weighted(jnp.abs(v) ** 2)

    def of_whole(a: Any) -> Any:
        a = a if lower else a.T.conj()
        diagonal = jnp.diag(jnp.real(jnp.diagonal(a)).astype(a.dtype))
        strict = jnp.tril(a, -1)
        whole = strict + diagonal + strict.T.conj()
        v = jnp.linalg.eigh(whole, UPLO="L" if lower else "U")[1]
        return weighted(jnp.abs(v) ** 2)

    a = x + np.triu(np.ones_like(x), 1) if lower else x + np.tril(np.ones_like(x), -1)
    (gradient,) = irad.stablehlo.grad(exported(of_triangle, a))(a)
    expected = jax.grad(of_whole)(a)
    np.testing.assert_allclose(gradient, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["solution", "solution, batch", "determinant"])
def test_factors_are_not_differentiated_where_their_source_is_not(name: str) -> None:
    """Their own derivative takes several times the operations."""
    f, x = PROGRAMS[name]
    gradient = irad.stablehlo.grad(exported(lambda a: weighted(f(a)), x))
    ours = jax.jit(lambda a: gradient(a)).lower(x).compile().cost_analysis()
    source = jax.jit(jax.grad(lambda a: weighted(f(a))))
    assert ours["flops"] <= 1.1 * source.lower(x).compile().cost_analysis()["flops"]


def test_a_gradient_can_be_saved_as_an_artifact() -> None:
    module = exported(lambda a: weighted(jnp.linalg.cholesky(a)), SYMMETRIC)
    gradient = irad.stablehlo.grad(module)
    reloaded = irad.stablehlo.load(gradient.artifact())
    np.testing.assert_array_equal(reloaded(SYMMETRIC)[0], gradient(SYMMETRIC)[0])


def test_a_failed_factorization_is_nan_and_what_reads_failure_reads_it() -> None:
    module = irad.stablehlo.load(WITH_FAILURE)
    _, failed = module(-SYMMETRIC.astype(np.float32))
    assert int(failed) == 1
    guarded = exported(jnp.linalg.cholesky, SYMMETRIC)
    assert not carried(guarded)
    assert np.isnan(guarded(-SYMMETRIC)[0]).any()


WITH_FAILURE = """
func.func @main(%x: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<i32>) {
  %L, %info = stablehlo.custom_call @lapack_spotrf_ffi(%x) {
    mhlo.backend_config = {uplo = 76 : ui8},
    operand_layouts = [dense<[0, 1]> : tensor<2xindex>],
    result_layouts = [dense<[0, 1]> : tensor<2xindex>, dense<> : tensor<0xindex>]
  } : (tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<i32>)
  return %L, %info : tensor<4x4xf32>, tensor<i32>
}
"""


def test_a_call_on_a_gpu_and_one_of_an_old_module_are_the_same_primitive() -> None:
    several = OLD.replace(
        "%n =", "%count = stablehlo.multiply %one, %one : tensor<i32>\n  %n ="
    ).replace("(%one, %one,", "(%one, %count,")
    for text in (ON_GPU, OLD, several):
        module = irad.stablehlo.load(text)
        assert not carried(module)
        x = SYMMETRIC.astype(np.float32)
        np.testing.assert_allclose(np.tril(module(x)[0]), np.linalg.cholesky(x), 1e-5)


ON_GPU = """
func.func @main(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %L, %info = stablehlo.custom_call @cusolver_potrf_ffi(%x) {
    mhlo.backend_config = {lower = true},
    operand_layouts = [dense<[0, 1]> : tensor<2xindex>],
    result_layouts = [dense<[0, 1]> : tensor<2xindex>, dense<> : tensor<0xindex>]
  } : (tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<i32>)
  return %L : tensor<4x4xf32>
}
"""
OLD = """
func.func @main(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %one = stablehlo.constant dense<1> : tensor<i32>
  %n = stablehlo.constant dense<4> : tensor<i32>
  %both = stablehlo.custom_call @lapack_spotrf(%one, %one, %n, %x) {
    api_version = 2 : i32,
    operand_layouts = [dense<> : tensor<0xindex>, dense<> : tensor<0xindex>,
                       dense<> : tensor<0xindex>, dense<[0, 1]> : tensor<2xindex>],
    result_layouts = [dense<[0, 1]> : tensor<2xindex>, dense<> : tensor<0xindex>]
  } : (tensor<i32>, tensor<i32>, tensor<i32>, tensor<4x4xf32>)
    -> tuple<tensor<4x4xf32>, tensor<i32>>
  %L = stablehlo.get_tuple_element %both[0]
    : (tuple<tensor<4x4xf32>, tensor<i32>>) -> tensor<4x4xf32>
  return %L : tensor<4x4xf32>
}
"""


FACTORS = """
func.func @main(%x: tensor<2x4x4xf64>) -> (tensor<2x4x4xf64>, tensor<2x4x4xf64>) {
  %0 = stablehlo.cholesky %x, lower = LOWER : tensor<2x4x4xf64>
  %1:2 = stablehlo.custom_call @lapack_dpotrf_ffi(%x) {
    mhlo.backend_config = {uplo = UPLO : ui8},
    operand_layouts = [dense<[1, 2, 0]> : tensor<3xindex>],
    result_layouts = [dense<[1, 2, 0]> : tensor<3xindex>, dense<0> : tensor<1xindex>]
  } : (tensor<2x4x4xf64>) -> (tensor<2x4x4xf64>, tensor<2xi32>)
  return %0, %1#0 : tensor<2x4x4xf64>, tensor<2x4x4xf64>
}
"""


@pytest.mark.parametrize(("lower", "uplo"), [("true", 76), ("false", 85)])
def test_beside_a_cholesky_factor_is_zero_or_what_the_matrix_has(
    lower: str, uplo: int
) -> None:
    """In values, as XLA has them, and in derivatives."""
    text = FACTORS.replace("LOWER", lower).replace("UPLO", str(uplo))
    module = irad.stablehlo.load(text)
    assert not carried(module)
    x = np.stack([SYMMETRIC, 2 * SYMMETRIC + np.triu(SQUARE, 1) * 0.1])
    clean, raw = module(x)
    other = np.triu if lower == "true" else np.tril
    away = 1 if lower == "true" else -1
    np.testing.assert_array_equal(other(clean, away), 0)
    np.testing.assert_array_equal(other(raw, away), other(x, away))
    check_differences(module, [x])


def test_the_eigenvectors_of_no_matrix_have_derivatives() -> None:
    """JAX has none of them."""
    x = np.zeros((2, 0, 0))
    module = exported(jnp.linalg.eig, x)
    for y in irad.stablehlo.jvp(module)(x, x):
        assert y.size == 0


def test_matrices_that_lie_otherwise_are_left_to_the_call() -> None:
    rows = ON_GPU.replace("[0, 1]", "[1, 0]")
    assert len(carried(irad.stablehlo.load(rows))) == 1


@pytest.mark.parametrize("transpose", ["NO_TRANSPOSE", "TRANSPOSE", "ADJOINT"])
@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("lower", [True, False])
def test_operations_of_linear_algebra(transpose: str, left: bool, lower: bool) -> None:
    text = OPERATIONS.format(
        left=str(left).lower(), lower=str(lower).lower(), transpose=transpose
    )
    module = irad.stablehlo.load(text)
    assert not carried(module)
    a, b = HERMITIAN, SQUARE.astype(np.complex128)
    factor, x = module(a, b)
    L = np.linalg.cholesky(a)
    triangle = np.tril if lower else np.triu
    np.testing.assert_allclose(triangle(factor), L if lower else L.conj().T)
    part = triangle(a)
    part = {"NO_TRANSPOSE": part, "TRANSPOSE": part.T, "ADJOINT": part.conj().T}
    m = part[transpose]
    np.testing.assert_allclose(m @ x if left else x @ m, b, atol=1e-12)


OPERATIONS = """
func.func @main(%a: tensor<4x4xcomplex<f64>>, %b: tensor<4x4xcomplex<f64>>)
    -> (tensor<4x4xcomplex<f64>>, tensor<4x4xcomplex<f64>>) {{
  %0 = "stablehlo.cholesky"(%a) {{lower = {lower}}}
    : (tensor<4x4xcomplex<f64>>) -> tensor<4x4xcomplex<f64>>
  %1 = "stablehlo.triangular_solve"(%a, %b) {{
    left_side = {left}, lower = {lower}, unit_diagonal = false,
    transpose_a = #stablehlo<transpose {transpose}>
  }} : (tensor<4x4xcomplex<f64>>, tensor<4x4xcomplex<f64>>) -> tensor<4x4xcomplex<f64>>
  return %0, %1 : tensor<4x4xcomplex<f64>>, tensor<4x4xcomplex<f64>>
}}
"""


def carried(module: Module) -> list[Any]:
    """The custom calls of a module that no primitive stands for."""
    found, waiting = [], [module.jaxpr]
    while waiting:
        for eqn in waiting.pop().eqns:
            if eqn.primitive is opaque_p and "custom_call" in eqn.params["name"]:
                found.append(eqn)
            waiting += inner_jaxprs(eqn)
    return found
