"""Exports of JAX that lack a derivative, given one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax import lax
from jax.sharding import AbstractMesh, NamedSharding, PartitionSpec

from irad._compat import exports, ir
from irad._compat.exports import Exported
from irad.errors import NotDifferentiableError
from irad.linearization import is_differentiable
from irad.stablehlo.loading import load
from irad.stablehlo.modules import Module, wide
from irad.stablehlo.transforms import vjp


def export(exported: Exported) -> Exported:
    """An export whose derivative is taken of its module, to any order.

    ``jax.export`` keeps a function as a module, and its derivatives only where they
    were serialized with it. The result needs none: its pullback is irad's, of the
    module alone, and is made when ``jax.grad`` asks for it, and so are the pullback's
    own. ``serialize(vjp_order=n)`` writes as many as it is told.

    Args:
        exported: what ``jax.export.export`` or ``jax.export.deserialize`` gives.

    Raises:
        NotDifferentiableError: it was exported for symbolic shapes or with ordered
            effects, which a pullback of the module alone does not know.
        ModuleError: the module has something that irad cannot read.

    Example:
        >>> import irad, jax, jax.numpy as jnp
        >>> alone = jax.export.export(jax.jit(jnp.sin))(jnp.ones(()))
        >>> restored = irad.stablehlo.export(alone)
        >>> float(jax.grad(restored.call)(0.0))
        1.0
    """
    if not isinstance(exported, Exported):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"expected a jax.export.Exported, got {type(exported)}")
    for reason, holds in (
        ("symbolic shapes", exports.is_symbolic(exported)),
        ("ordered effects", bool(exported.ordered_effects)),
    ):
        if holds:
            raise NotDifferentiableError(
                f"'{exported.fun_name}' was exported with {reason}: its module alone "
                "does not say how to differentiate it. Export it for known shapes, or "
                "with its own vjp (serialize(vjp_order=1))."
            )
    module = load(exported)
    return exports.with_vjp(exported, lambda given: _pullback(given, module))


def _pullback(exported: Exported, module: Module) -> Exported:
    """The export of a pullback: primals and cotangents to the primals' cotangents."""
    kept = exported.module_kept_var_idx
    hidden = len(module.inputs) - len(kept)  # the platform, where there are several
    shift = {i: hidden + n for n, i in enumerate(kept)}
    wrt = [i for i in kept if is_differentiable(exported.in_avals[i])]
    pulled = vjp(module, [shift[i] for i in wrt])
    primals, outputs = len(exported.in_avals), len(exported.out_avals)

    def pull(*flat: Any) -> tuple[Any, ...]:
        x = [flat[i] for i in kept]
        carried = zip(flat[primals:], exported.out_avals, strict=True)
        c = [c for c, aval in carried if is_differentiable(aval)]
        outs = pulled(*_platform(exported.platforms, module.inputs[:hidden]), *x, *c)
        found = dict(zip(wrt, outs[outputs:], strict=True))
        return tuple(
            found[i] if i in found else ir.zero_cotangent(aval)
            for i, aval in enumerate(exported.in_avals)
        )

    cotangents = map(ir.cotangent_aval, exported.out_avals)
    with wide(module):
        made = jax.export.export(
            jax.jit(pull, **_placement(exported.nr_devices, module)),
            platforms=exported.platforms,
            disabled_checks=exported.disabled_safety_checks,
        )(*exported.in_avals, *cotangents)
    return export(made)


def _placement(devices: int, module: Module) -> dict[str, Any]:
    """What tells ``jit`` that a program is for several devices."""
    if devices == 1:
        return {}
    mesh = module.mesh or AbstractMesh((devices,), ("devices",))
    return {"in_shardings": NamedSharding(mesh, PartitionSpec())}


def _platform(platforms: Sequence[str], hidden: Sequence[Any]) -> list[Any]:
    """Which of the platforms a program runs on, for a module that asks."""
    if not hidden:
        return []
    (asked,) = hidden
    index = {name: _constant(i, asked.dtype) for i, name in enumerate(platforms)}
    return [lax.platform_dependent(**index)]


def _constant(value: int, dtype: Any) -> Any:
    return lambda: np.asarray(value, dtype)
