"""Phases of eigenvectors, as LAPACK chooses them.

An eigenvector of a Hermitian matrix is known up to a phase. JAX's derivative turns
none; what a module computes has the phases of the routine that it calls, and so have
its derivatives. LAPACK's reduction to a tridiagonal matrix leaves the first row as it
is if it reads the lower triangle, the last one if it reads the upper, and the vectors
of what is left are real: those of the matrix are real in that row. With ``t`` of any
phase,

    v' = t + i theta v,    theta = -Im(t_k) / v_k.

What does not depend on phases has the same derivative. Where a vector vanishes in that
row, so that its phase hangs on rounding, it is not turned.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import numpy as np
from jax import lax
from jax import numpy as jnp
from jax.lax.linalg import eigh_p

from irad._compat.ir import Jaxpr, JaxprEqn, Var
from irad.linear_map import Array
from irad_passes.bodies import BODY_PARAMS, BodyRewriter


def with_phases(jaxpr: Jaxpr) -> Jaxpr:
    """The jaxpr, in which the phases of complex eigenvectors have a derivative."""
    eqns: list[JaxprEqn] = []
    for old in jaxpr.eqns:
        eqn = _INTO_BODIES(old) if old.primitive in BODY_PARAMS else old
        eqns += _phased(eqn) if eqn.primitive is eigh_p else [eqn]
    return jaxpr.replace(eqns=eqns, debug_info=jaxpr.debug_info)


_INTO_BODIES = BodyRewriter(with_phases)


def _phased(eqn: JaxprEqn) -> list[JaxprEqn]:
    """An equation that gives eigenvectors, and the one that knows their phases."""
    v, *rest = eqn.outvars
    aval: Any = v.aval
    if not np.issubdtype(aval.dtype, np.complexfloating) or not aval.size:
        return [eqn]
    free = Var(aval)
    call = _known(aval.shape, aval.dtype, lower=eqn.params["lower"])
    known = call.replace(
        invars=[free], outvars=[v], source_info=eqn.source_info, ctx=eqn.ctx
    )
    return [eqn.replace(outvars=[free, *rest]), known]


@functools.cache
def _known(shape: tuple[int, ...], dtype: Any, *, lower: bool) -> JaxprEqn:
    """The equation that gives eigenvectors as they are, and their derivative."""
    row = 0 if lower else shape[-2] - 1

    @jax.custom_jvp
    def phased(v: Array) -> Array:
        return v

    @phased.defjvp
    def _(x: tuple[Array], t: tuple[Array]) -> tuple[Array, Array]:
        v, moved = x[0], t[0]
        real = jnp.real(v[..., row, None, :])
        vanishes = jnp.abs(real) < np.sqrt(jnp.finfo(dtype).eps)
        turned = jnp.imag(moved[..., row, None, :])
        theta = jnp.where(vanishes, 0, turned / jnp.where(vanishes, 1, real))
        return phased(v), moved - v * lax.complex(jnp.zeros_like(theta), theta)

    with jax.enable_x64(True):
        made = jax.make_jaxpr(phased)(jax.ShapeDtypeStruct(shape, dtype))
    (eqn,) = made.jaxpr.eqns
    return eqn
