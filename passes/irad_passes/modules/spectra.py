"""Decompositions into eigenvalues and singular values, and the steps towards them.

They come as custom calls; each becomes the primitive whose lowering it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jax import lax
from jax.lax import linalg

from irad_passes._compat.mlir import ShapedArray, scalar
from irad_passes.modules import attributes
from irad_passes.modules.factorizations import adjoint, hermitian
from irad_passes.modules.frames import Atom, Frame, shape_of
from irad_passes.modules.routines import Call
from irad_passes.modules.targets import Found, Layout, Targets, cpu, gpu
from irad_passes.modules.uses import readers

TARGETS = Targets()


@TARGETS.routine(
    *cpu("syevd", "heevd"), *gpu("syevd"), scalars=("lower", "batch", "n"), gives=3
)
def _syevd(call: Call) -> Found | None:
    if call.options.get("mode", "V") != "V":
        return None
    return _eigh(call, lower=call.lower())


@TARGETS.routine("Eigh", layout=Layout.ANY, gives=2)
def _eigh_of_tpu(call: Call) -> Found:
    """Its options are a text: whether the lower triangle is read, and tolerances."""
    lower = attributes.text(call.op, "backend_config").startswith("1")
    return _eigh(call, lower=lower)


def _eigh(call: Call, *, lower: bool) -> list[Atom]:
    """The routine reads a triangle; the primitive's derivative is of a whole matrix."""
    (x,) = call.atoms
    return call.frame.equation(
        linalg.eigh_p,
        [hermitian(call.frame, x, lower=lower)],
        call.avals[:2],
        lower=lower,
        sort_eigenvalues=True,
        subset_by_index=None,
        algorithm=None,
    )


@TARGETS.routine(
    *cpu("gesdd"),
    scalars=("full_matrices", "compute_uv", "batch", "m", "n", "lwork"),
    gives=5,
)
def _gesdd(call: Call) -> Found | None:
    return _svd_by_mode(call, None)


@TARGETS.routine(*cpu("gesvd"), gives=5)
def _gesvd(call: Call) -> Found | None:
    return _svd_by_mode(call, linalg.SvdAlgorithm.QR)


def _svd_by_mode(call: Call, algorithm: Any) -> Found | None:
    """The values, and the vectors if they are asked for: all (A) or the first (S)."""
    mode = call.options.get("mode")
    if mode is None:
        full = bool(call.option("full_matrices"))
        mode = ("A" if full else "S") if call.option("compute_uv") else "N"
    if mode not in ("A", "S", "N"):
        return None
    full, vectors = mode == "A", mode != "N"
    return [None, *_svd(call, call.avals[1:4], full, vectors, algorithm)]


def _svd(
    call: Call, avals: Sequence[Any], full: bool, vectors: bool, algorithm: Any = None
) -> list[Atom]:
    return call.frame.equation(
        linalg.svd_p,
        call.atoms,
        avals if vectors else avals[:1],
        full_matrices=full,
        compute_uv=vectors,
        subset_by_index=None,
        algorithm=algorithm,
    )


@TARGETS.routine(*gpu("gesvd", "gesdd"), gives=5)
def _gesvd_of_gpu(call: Call) -> Found:
    """Of a wide matrix it decomposes the transpose: the vectors change places."""
    full, vectors = call.option("full_matrices"), call.option("compute_uv")
    _, s, u, vt, *_ = call.avals
    if not call.option("transposed"):
        return [None, *_svd(call, [s, u, vt], full, vectors)]
    found = _svd(call, [s, vt, u], full, vectors)
    return [None, found[0], *reversed(found[1:])]


@TARGETS.routine(*gpu("gesvdj", "gesvdp"), gives=5)
def _gesvdj(call: Call) -> Found:
    """The right vectors as columns.

    JAX takes the first ones out of all, where the routine gives no fewer: the others
    are zeros here if nothing else reads them.
    """
    frame = call.frame
    (x,) = call.atoms
    *batch, m, n = shape_of(x)
    _, s, u, v, *_ = call.avals
    vectors, full = call.option("compute_uv"), call.option("full_matrices")
    if not vectors:
        return [None, *_svd(call, [s], full, vectors)]
    k = min(m, n)
    fewer = full and all(
        _is_read_to(value, len(batch) + 1, k)
        for i in (2, 3)
        for value in call.values[i]
    )
    if fewer:
        u = ShapedArray((*batch, m, k), u.dtype)
        v = ShapedArray((*batch, n, k), v.dtype)
    vt = ShapedArray((*v.shape[:-2], v.shape[-1], n), v.dtype)
    s, u, vt = _svd(call, [s, u, vt], full and not fewer, vectors)
    found = [u, adjoint(frame, vt)]
    if fewer:
        wide = call.avals[2:4]
        found = [_widened(frame, a, w) for a, w in zip(found, wide, strict=True)]
    return [None, s, *found]


def _is_read_to(value: Any, axis: int, stop: int) -> bool:
    """Whether nothing reads a value beyond a place along an axis."""
    return all(_is_sliced(op, axis, stop) for op in readers(value))


_ELEMENTWISE = ("real", "imag", "negate", "complex")


def _is_sliced(op: Any, axis: int, stop: int) -> bool:
    if op.name == "stablehlo.slice":
        return attributes.integers(op, "limit_indices")[axis] <= stop
    if op.name == "stablehlo.transpose":
        axis = attributes.integers(op, "permutation").index(axis)
    elif op.name.removeprefix("stablehlo.") not in _ELEMENTWISE:
        return False
    return _is_read_to(op.results[0], axis, stop)


def _widened(frame: Frame, x: Atom, aval: Any) -> Atom:
    """A matrix with columns of zeros behind its own."""
    missing = aval.shape[-1] - shape_of(x)[-1]
    config = (*[(0, 0, 0)] * (len(aval.shape) - 1), (0, missing, 0))
    zero = scalar(0, aval.dtype)
    return frame.equation(lax.pad_p, [x, zero], [aval], padding_config=config)[0]


@TARGETS.routine(
    *cpu("geev"), scalars=("batch", "n", "compute_left", "compute_right"), gives=4
)
def _geev(call: Call) -> Found:
    """Old modules have arrays to work in before the results."""
    left, right = (call.option(f"compute_{side}") == "V" for side in ("left", "right"))
    is_real = np.issubdtype(call.frame.aval(call.operands[0]).dtype, np.floating)
    before = len(call.avals) - (5 if is_real else 4)
    return [*[None] * before, *_eig(call, before, left, right)]


@TARGETS.routine(
    *(f"{v}hybrid_eig_{kind}" for v in ("cu", "hip") for kind in ("real", "comp")),
    gives=4,
)
def _hybrid_eig(call: Call) -> Found:
    return _eig(call, 0, call.option("left"), call.option("right"))


def _eig(call: Call, start: int, left: bool, right: bool) -> list[Atom | None]:
    """Eigenvalues (of a real matrix as real and imaginary parts) and eigenvectors."""
    frame = call.frame
    *_, vectors, _ = call.avals
    values = ShapedArray(vectors.shape[:-1], vectors.dtype)
    avals = [values, *[vectors] * (left + right)]
    w, *found = frame.equation(
        linalg.eig_p,
        call.atoms,
        avals,
        compute_left_eigenvectors=left,
        compute_right_eigenvectors=right,
        enable_eigvec_derivs=True,
        implementation=None,
    )
    sides = [found[0] if left else None, found[-1] if right else None]
    if call.avals[start].dtype == values.dtype:
        return [w, *sides]
    for value in call.values[start]:
        for op in readers(value, "stablehlo.complex"):
            if op.operands[1] in call.values[start + 1]:
                call.known[op.results[0]] = w
                frame.define_early(op.results[0], w)
    parts = [
        frame.equation(p, [w], [call.avals[start]])[0] for p in (lax.real_p, lax.imag_p)
    ]
    return [*parts, *sides]


@TARGETS.routine(*cpu("gees"), scalars=("batch", "n", "mode", "sort"), gives=5)
def _gees(call: Call) -> Found | None:
    """The Schur form, and the vectors if they are asked for."""
    if call.options.get("sort", "N") != "N":
        return None
    vectors = call.option("mode") == "V"
    found = call.frame.equation(
        linalg.schur_p,
        call.atoms,
        call.avals[: 1 + vectors],
        compute_schur_vectors=vectors,
        sort_eig_vals=False,
        select_callable=None,
    )
    eigenvalues_and_count = [None] * (len(call.avals) - len(found) - 1)
    return [*found, *eigenvalues_and_count]


@TARGETS.routine(
    *cpu("gehrd"), scalars=("n", "low", "high", "lda", "batch", "lwork"), gives=3
)
def _gehrd(call: Call) -> Found | None:
    if (call.option("low"), call.option("high")) != (1, call.avals[0].shape[-1]):
        return None
    return call.frame.equation(linalg.hessenberg_p, call.atoms, call.avals[:2])


@TARGETS.routine(
    *cpu("sytrd", "hetrd"),
    *gpu("sytrd"),
    scalars=("n", "lower", "lda", "batch", "lwork"),
    gives=5,
)
def _sytrd(call: Call) -> Found:
    return call.frame.equation(
        linalg.tridiagonal_p, call.atoms, call.avals[:4], lower=call.lower()
    )
