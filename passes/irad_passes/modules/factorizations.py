"""Factorizations of matrices, and solves: operations and custom calls.

A custom call becomes the primitive whose lowering it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jax import lax
from jax.lax import linalg

from irad_passes._compat.mlir import ShapedArray, scalar, stablehlo
from irad_passes._compat.primitives import geqp3_p, geqrf_p, ormqr_p
from irad_passes.modules import attributes, reflectors
from irad_passes.modules.converters import Table
from irad_passes.modules.frames import Atom, Frame, dtype_of, shape_of
from irad_passes.modules.routines import Call
from irad_passes.modules.targets import Found, Layout, Targets, cpu, gpu
from irad_passes.modules.triangles import is_read_in_triangle
from irad_passes.modules.uses import is_all

TABLE = Table()
TARGETS = Targets()

# Operations ---------------------------------------------------------------------------


@TABLE.converts("stablehlo.cholesky")
def _cholesky(frame: Frame, op: Any) -> Sequence[Atom]:
    """Beside the factor XLA gives zeros."""
    (x,) = frame.operands(op)
    lower = attributes.flag(op, "lower")
    if is_read_in_triangle(op.results[0], lower=lower):
        return [_cholesky_factor(frame, x, None, lower=lower)]
    zeros = frame.broadcast(scalar(0, dtype_of(x)), shape_of(x))
    return [_cholesky_factor(frame, x, zeros, lower=lower)]


def _cholesky_factor(
    frame: Frame, x: Atom, beside: Atom | None, *, lower: bool
) -> Atom:
    """The lower factor, or the upper one: it is the lower one of X*, transposed too.

    In the other triangle is that of another matrix, if it is read: the primitive has
    any numbers there, and no derivative.
    """
    if not lower:
        x, beside = adjoint(frame, x), beside and adjoint(frame, beside)
        return adjoint(frame, _cholesky_factor(frame, x, beside, lower=True))
    (factor,) = frame.equation(linalg.cholesky_p, [x], [x.aval])
    if beside is None:
        return factor
    return _joined(frame, factor, beside)


def hermitian(frame: Frame, x: Atom, *, lower: bool) -> Atom:
    """The Hermitian matrix of which one triangle is given, and the real diagonal."""
    mirrored = adjoint(frame, x)
    whole = _joined(frame, x, mirrored) if lower else _joined(frame, mirrored, x)
    if not np.issubdtype(dtype_of(x), np.complexfloating):
        return whole
    (twice,) = frame.equation(lax.add_p, [whole, adjoint(frame, whole)], [x.aval])
    two = frame.broadcast(scalar(2, dtype_of(x)), shape_of(x))
    return frame.equation(lax.div_p, [twice, two], [x.aval])[0]


def _joined(frame: Frame, lower: Atom, upper: Atom) -> Atom:
    """The lower triangle of one matrix and what is above the diagonal of another."""
    cases = [_lower_triangle(frame, shape_of(lower)), upper, lower]
    return frame.equation(lax.select_n_p, cases, [lower.aval])[0]


def _lower_triangle(frame: Frame, shape: tuple[int, ...]) -> Atom:
    """Where the lower triangle of each matrix is, worked out as JAX does."""
    matrix = shape[-2:]
    numbers, truth = (ShapedArray(matrix, np.dtype(d)) for d in (np.int32, np.bool_))
    row, column = (
        frame.equation(
            lax.iota_p,
            [],
            [numbers],
            dtype=numbers.dtype,
            shape=matrix,
            dimension=axis,
            sharding=None,
        )[0]
        for axis in (0, 1)
    )
    zeros = frame.broadcast(scalar(0, np.int32), matrix)
    (row,) = frame.equation(lax.add_p, [row, zeros], [numbers])
    (mask,) = frame.equation(lax.ge_p, [row, column], [truth])
    return frame.broadcast(mask, shape)


@TABLE.converts("stablehlo.triangular_solve")
def _triangular_solve(frame: Frame, op: Any) -> Sequence[Atom]:
    kind = stablehlo.TransposeAttr(op.attributes["transpose_a"]).value
    return frame.equation(
        linalg.triangular_solve_p,
        frame.operands(op),
        frame.avals(op),
        left_side=attributes.flag(op, "left_side"),
        lower=attributes.flag(op, "lower"),
        transpose_a=kind != "NO_TRANSPOSE",
        conjugate_a=kind == "ADJOINT",
        unit_diagonal=attributes.flag(op, "unit_diagonal"),
    )


def adjoint(frame: Frame, x: Atom) -> Atom:
    """The conjugate transpose of each matrix."""
    *batch, m, n = shape_of(x)
    rank = len(batch) + 2
    order = (*range(rank - 2), rank - 1, rank - 2)
    aval = ShapedArray((*batch, n, m), dtype_of(x))
    (x,) = frame.equation(lax.transpose_p, [x], [aval], permutation=order)
    if np.issubdtype(aval.dtype, np.complexfloating):
        (x,) = frame.equation(lax.conj_p, [x], [aval], input_dtype=aval.dtype)
    return x


# Custom calls -------------------------------------------------------------------------


@TARGETS.routine(*cpu("potrf"), *gpu("potrf"), scalars=("lower", "batch", "n"), gives=2)
def _potrf(call: Call) -> Found:
    """Beside the factor is what the matrix has there."""
    (x,) = call.atoms
    lower = call.lower()
    alone = all(is_read_in_triangle(value, lower=lower) for value in call.values[0])
    return [_cholesky_factor(call.frame, x, None if alone else x, lower=lower)]


@TARGETS.routine(*cpu("getrf"), *gpu("getrf"), scalars=("batch", "m", "n"), gives=3)
def _getrf(call: Call) -> Found:
    """The factors, and the pivots counted from one."""
    frame = call.frame
    lu, pivots, _ = _lu(call)
    one = frame.broadcast(scalar(1, np.int32), shape_of(pivots))
    return [lu, *frame.equation(lax.add_p, [pivots, one], [pivots.aval])]


@TARGETS.routine("LuDecomposition", layout=Layout.ANY, gives=3)
def _lu(call: Call) -> list[Atom]:
    rows = ShapedArray(call.avals[0].shape[:-1], np.dtype(np.int32))
    avals = [*call.avals[:2], rows]
    return call.frame.equation(linalg.lu_p, call.atoms, avals)


@TARGETS.routine(
    "cu_lu_pivots_to_permutation", "hip_lu_pivots_to_permutation", layout=Layout.BY_ROWS
)
def _permutation(call: Call) -> Found:
    (aval,) = call.avals
    size = aval.shape[-1]
    return call.frame.equation(
        linalg.lu_pivots_to_permutation_p, call.atoms, [aval], permutation_size=size
    )


_QR = ("batch", "m", "n", "lwork")


@TARGETS.routine(*cpu("geqrf"), *gpu("geqrf"), scalars=_QR, gives=2)
def _geqrf(call: Call) -> Found:
    reflectors.name_factors(call, call.atoms[0], pivoting=False)
    return call.frame.equation(geqrf_p, call.atoms, call.avals[:2])


@TARGETS.routine("Qr", layout=Layout.ANY, gives=2)
def _qr(call: Call) -> Found:
    return _geqrf(call)


@TARGETS.routine(*cpu("geqp3"), "cuhybrid_geqp3", "hiphybrid_geqp3", takes=2, gives=3)
def _geqp3(call: Call) -> Found:
    x, first = call.atoms
    is_free = is_all(call.operands[1], 0)
    order = reflectors.name_factors(call, x, pivoting=True) if is_free else []
    avals = call.avals[:3]
    a, own, taus = call.frame.equation(geqp3_p, [x, first], avals, use_magma=None)
    return [a, *(order or [own]), taus]


@TARGETS.routine(
    *cpu("orgqr", "ungqr"),
    *gpu("orgqr"),
    scalars=("batch", "m", "n", "k", "lwork"),
    takes=2,
)
def _orgqr(call: Call) -> Found:
    return call.frame.equation(linalg.householder_product_p, call.atoms, call.avals[:1])


@TARGETS.routine("ProductOfElementaryHouseholderReflectors", layout=Layout.ANY, takes=2)
def _product_of_reflectors(call: Call) -> Found:
    return _orgqr(call)


@TARGETS.routine(*cpu("ormqr", "unmqr"), *gpu("ormqr"), takes=3)
def _ormqr(call: Call) -> Found:
    return call.frame.equation(
        ormqr_p,
        call.atoms,
        call.avals,
        left=call.option("left"),
        transpose=call.option("transpose"),
    )


_TRSM = ("left", "lower", "trans", "unit", "m", "n", "batch", "alpha")


@TARGETS.routine(*cpu("trsm"), *cpu("trsm", library="blas"), scalars=_TRSM, takes=2)
def _trsm(call: Call) -> Found | None:
    """Letters of BLAS, or numbers in old modules."""
    a, b, *alpha = call.operands
    given = call.options
    if given.get("alpha", 1) != 1 or not all(is_all(value, 1) for value in alpha):
        return None
    if "side" in given:
        left, kind, unit = given["side"] == "L", given["trans_x"], given["diag"] == "U"
    else:
        left, unit = call.option("left") == 1, call.option("unit") == 1
        kind = "NTC"[call.option("trans")]
    return call.frame.equation(
        linalg.triangular_solve_p,
        [call.frame.read(a), call.frame.read(b)],
        call.avals,
        left_side=left,
        lower=call.lower(),
        transpose_a=kind != "N",
        conjugate_a=kind == "C",
        unit_diagonal=unit,
    )


@TARGETS.routine(*cpu("gtsv"), takes=4, gives=5)
def _gtsv(call: Call) -> Found:
    return [None, None, None, *_tridiagonal_solve(call, call.avals[3], perturb=False)]


@TARGETS.routine(*gpu("gtsv2", library="sparse"), takes=4)
def _gtsv_of_gpu(call: Call) -> Found:
    return _tridiagonal_solve(call, call.avals[0], perturb=False)


@TARGETS.routine(
    "tridiagonal_solve_perturbed_ffi",
    "cu_tridiagonal_solve_perturbed",
    "hip_tridiagonal_solve_perturbed",
    takes=4,
)
def _perturbed(call: Call) -> Found:
    return _tridiagonal_solve(call, call.avals[0], perturb=True)


def _tridiagonal_solve(call: Call, aval: Any, *, perturb: bool) -> list[Atom]:
    return call.frame.equation(
        linalg.tridiagonal_solve_p, call.atoms, [aval], perturb_singular=perturb
    )
