"""jaxlib's MLIR bindings and JAX's lowering: what modules are read and written with."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax import export
from jax._src import core, dispatch, effects, sharding_impls
from jax._src import source_info_util as _source
from jax._src.core import (
    ClosedJaxpr,
    JaxprEqn,
    Literal,
    Primitive,
    ShapedArray,
    Var,
)
from jax._src.interpreters import batching, mlir
from jax._src.literals import TypedNdArray
from jax._src.named_sharding import UNSPECIFIED
from jaxlib import _hlo, _jax  # pyright: ignore[reportAttributeAccessIssue]
from jaxlib.mlir import ir, passmanager
from jaxlib.mlir.dialects import func, sdy, stablehlo

__all__ = [
    "SIDE_EFFECT",
    "ClosedJaxpr",
    "Effects",
    "JaxprEqn",
    "Literal",
    "Primitive",
    "ShapedArray",
    "Var",
    "batched_by_loop",
    "by_name",
    "compiled_impl",
    "context",
    "current_equation_context",
    "equation",
    "exported",
    "fill_block",
    "first_operation",
    "func",
    "hlo_proto",
    "hlo_to_stablehlo",
    "ir",
    "jaxpr_object",
    "jit_params",
    "lower_jaxpr",
    "lowered",
    "mlir",
    "named_source",
    "no_effects",
    "only_equation",
    "passmanager",
    "portable_artifact",
    "scalar",
    "sdy",
    "shard_mapped",
    "stablehlo",
    "traced",
    "with_known_shapes",
    "xla_hlo",
]


Effects = core.Effects
no_effects = core.no_effects


class _SideEffect(effects.Effect):
    """What an operation of a module does beside giving results."""

    def __str__(self) -> str:
        return "side effect"


SIDE_EFFECT = _SideEffect()

for _allowed in (
    effects.lowerable_effects,
    effects.control_flow_allowed_effects,
    effects.custom_derivatives_allowed_effects,
    effects.remat_allowed_effects,
):
    _allowed.add_type(_SideEffect)


@functools.cache
def context() -> Any:
    """A context with every dialect that JAX writes, shared by all modules."""
    stablehlo.register_stablehlo_passes()
    made = mlir.make_ir_context()
    made.allow_unregistered_dialects = True
    return made


def named_source(name: str) -> Any:
    """The source of an equation that no Python line made: a name alone."""
    stack = _source.NameStack((_source.Scope(name),))
    return _source.SourceInfo(None, stack)


def equation(
    primitive: Any,
    invars: Sequence[Any],
    avals: Sequence[Any],
    params: dict[str, Any],
    source: Any,
    ctx: Any,
    effects: Effects = no_effects,
) -> JaxprEqn:
    """An equation with new variables for its results."""
    outvars = [Var(aval) for aval in avals]
    return JaxprEqn(list(invars), outvars, primitive, params, effects, source, ctx)


_NO_MESH = jax.sharding.AbstractMesh((), ())


def current_equation_context() -> Any:
    """The context of equations of a module, which is of no mesh around it."""
    with jax.sharding.use_abstract_mesh(_NO_MESH):
        return core.current_jaxpr_eqn_context()


def scalar(value: Any, dtype: Any) -> Literal:
    """A literal of rank 0."""
    aval = ShapedArray((), np.dtype(dtype))
    return Literal(TypedNdArray(np.asarray(value, dtype), aval), aval)


def only_equation(
    function: Callable[..., Any], dtype: Any, operands: int
) -> tuple[Primitive, dict[str, Any]]:
    """The primitive and the params of a function that is one equation."""
    (eqn,) = jax.make_jaxpr(function)(*[np.ones((), dtype)] * operands).jaxpr.eqns
    return eqn.primitive, dict(eqn.params)


def traced(
    function: Callable[..., Any],
    avals: Sequence[Any],
    axes: Sequence[tuple[str, int]] = (),
    mesh: Any = None,
) -> ClosedJaxpr:
    """What JAX makes of a function of values of these types, with axes of a mesh."""
    given = [jax.ShapeDtypeStruct(v.shape, v.dtype) for v in avals]
    with (
        jax.enable_x64(True),
        jax.sharding.use_abstract_mesh(mesh or _NO_MESH),
        core.extend_axis_env_nd(list(axes)),
    ):
        return jax.make_jaxpr(function)(*given)


def shard_mapped(body: ClosedJaxpr, **how: Any) -> Callable[..., Any]:
    """A body for one shard as a function; ``how`` is what ``jax.shard_map`` takes."""
    return jax.shard_map(core.jaxpr_as_fun(body), check_vma=False, **how)


def by_name(eqn: JaxprEqn) -> JaxprEqn:
    """An equation that was traced anew, with the name it had for its source again."""
    name = eqn.source_info.name_stack
    return eqn.replace(source_info=_source.SourceInfo(None, name))


@functools.cache
def _jit_template() -> dict[str, Any]:
    made = jax.make_jaxpr(jax.jit(lambda x: x + x))(np.float32(0))
    return dict(made.jaxpr.eqns[0].params)


def jit_params(body: ClosedJaxpr, name: str) -> dict[str, Any]:
    """The params of a call of ``body`` with no placement and no options."""
    template = _jit_template()
    ins, outs = len(body.in_avals), len(body.out_avals)
    return dict(
        template,
        jaxpr=body,
        name=name,
        in_shardings=(UNSPECIFIED,) * ins,
        out_shardings=(UNSPECIFIED,) * outs,
        in_layouts=(None,) * ins,
        out_layouts=(None,) * outs,
        donated_invars=(False,) * ins,
    )


_LOWERING = inspect.signature(mlir.lower_jaxpr_to_module).parameters


def lower_jaxpr(
    jaxpr: ClosedJaxpr,
    name: str,
    platforms: Sequence[str],
    devices: int = 1,
) -> Any:
    """A module whose ``main`` is the jaxpr, by JAX's lowering rules."""
    # JAX 0.11 asks for the types of the results.
    of_results: dict[str, Any] = {}
    if "out_avals" in _LOWERING:
        of_results["out_avals"] = jaxpr.out_avals
    lowered = mlir.lower_jaxpr_to_module(
        name,
        jaxpr,
        **of_results,
        num_const_args=0,
        in_avals=jaxpr.in_avals,
        ordered_effects=[],
        platforms=tuple(platforms),
        backend=None,
        axis_context=sharding_impls.ShardingContext(num_devices=devices),
        num_partitions=devices,
        donated_args=(False,) * len(jaxpr.in_avals),
        lowering_parameters=mlir.LoweringParameters(),
    )
    return lowered.module


def hlo_proto(text: str) -> bytes:
    """The serialized proto of an HLO module's text."""
    return _hlo.hlo_module_from_text(text).as_serialized_hlo_module_proto()


def hlo_to_stablehlo(proto: bytes) -> bytes:
    """The bytecode of an HLO module in StableHLO."""
    return _jax.mlir.hlo_to_stablehlo(proto)


def portable_artifact(module: Any, version: str, of_shardy: bool) -> bytes:
    """A module as a portable artifact, with operations ``of_shardy`` as they are.

    Else shardings are attributes that XLA reads back.
    """
    return _jax.mlir.serialize_portable_artifact(module, version, of_shardy)


def with_known_shapes(bytecode: bytes) -> bytes:
    """A module whose inputs have known shapes with all shapes known; XLA's own pass.

    It checks what the module asserts of its shapes. RuntimeError where that fails, or a
    shape stays open.
    """
    return _jax.mlir.refine_polymorphic_shapes(bytecode, True, True)


def xla_hlo(text: str) -> str:
    """The HLO text of a StableHLO module, large constants too."""
    computation = _jax.mlir.mlir_module_to_xla_computation(text)
    return computation.as_hlo_text(print_large_constants=True)


def jaxpr_object(
    invars: Sequence[Any], outs: Sequence[Any], eqns: Sequence[JaxprEqn], effects: Any
) -> core.Jaxpr:
    """An open jaxpr without constants."""
    info = core.DebugInfo("module", "stablehlo", None, None)
    return core.Jaxpr((), list(invars), list(outs), list(eqns), effects, info)


def compiled_impl(primitive: Primitive) -> Any:
    """How an equation runs on arrays: compiled alone."""
    return functools.partial(dispatch.apply_primitive, primitive)


def fill_block(ctx: Any, region: Any, program: ClosedJaxpr) -> None:
    """Makes a program of scalars the one block of a region."""
    types = [mlir.aval_to_ir_type(ctx.module_context, v) for v in program.in_avals]
    block = region.blocks.append(*types)
    with ir.InsertionPoint(block):
        outs, _ = mlir.jaxpr_subcomp(
            ctx.module_context,
            program.jaxpr,
            ctx.name_stack,
            mlir.TokenSet(),
            program.consts,
            *block.arguments,
            dim_var_values=ctx.dim_var_values,
            const_lowering=ctx.const_lowering,
            outer_traceback=ctx.traceback,
        )
        flat, _ = mlir.ir_tree_registry.flatten(outs)
        stablehlo.return_(flat)


def lowered(function: Callable[..., Any], avals: Sequence[Any]) -> Any:
    """The module that JAX lowers a function to, for operands of these types."""
    given = [jax.ShapeDtypeStruct(v.shape, v.dtype) for v in avals]
    with jax.enable_x64(True):
        return jax.jit(function).lower(*given).compiler_ir("stablehlo")


def exported(function: Callable[..., Any], avals: Sequence[Any]) -> Any:
    """The module that JAX exports for a function of values of these types."""
    given = [jax.ShapeDtypeStruct(v.shape, v.dtype) for v in avals]
    with jax.enable_x64(True), context():
        return ir.Module.parse(export.export(jax.jit(function))(*given).mlir_module())


def first_operation(module: Any, name: str) -> Any:
    """The first operation of a name in a module."""
    found: list[Any] = []

    def look(op: Any) -> Any:
        if op.name == name:
            found.append(op)
            return ir.WalkResult.INTERRUPT
        return ir.WalkResult.ADVANCE

    module.operation.walk(look)
    return found[0]


def batched_by_loop(primitive: Primitive) -> None:
    """Lets ``vmap`` run a primitive once for each element, in a loop."""

    def rule(operands: Sequence[Any], axes: Sequence[Any], **params: Any) -> Any:
        mapped = [d is not None for d in axes]
        moving = [
            jax.numpy.moveaxis(x, d, 0)
            for x, d, m in zip(operands, axes, mapped, strict=True)
            if m
        ]

        def one(row: Sequence[Any]) -> Any:
            rows = iter(row)
            full = [
                next(rows) if m else x for x, m in zip(operands, mapped, strict=True)
            ]
            return primitive.bind(*full, **params)

        outs = jax.lax.map(one, moving)
        return outs, [0] * len(outs)

    batching.primitive_batchers[primitive] = rule
