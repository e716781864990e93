"""Operations that no primitive stands for, carried as they are.

``opaque_p`` holds one operation as the text of a module whose ``main`` applies it to
its operands; what it refers to (a called function, a decomposition) is in that module
too. It lowers to the operation verbatim, for every platform. One with side effects, or
that draws anew at each run, has an effect: it is neither dropped nor run twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from irad_passes._compat.mlir import (
    SIDE_EFFECT,
    Effects,
    Primitive,
    batched_by_loop,
    compiled_impl,
    func,
    ir,
    mlir,
    no_effects,
    stablehlo,
)
from irad_passes.modules import attributes
from irad_passes.modules.frames import Atom, Frame

opaque_p = Primitive("stablehlo_operation")
opaque_p.multiple_results = True

_WITH_EFFECTS = frozenset(
    f"stablehlo.{name}" for name in ("infeed", "outfeed", "recv", "rng", "send")
)


def carried(frame: Frame, op: Any) -> list[Atom]:
    """The results of an operation by one opaque equation, those in a tuple singly."""
    free = [*op.operands, *_captured(op)]
    operands = [frame.read(value) for value in free]
    avals = [frame.shared.avals[type_] for type_ in types_of_results(op)]
    module = _module_of(op, free, frame.shared.symbols)
    is_effectful = op.name in _WITH_EFFECTS or attributes.flag(op, "has_side_effect")
    return frame.effectful(
        _effects(is_effectful),
        opaque_p,
        operands,
        avals,
        name=op.name,
        module=module,
        out_avals=tuple(avals),
        is_effectful=is_effectful,
    )


def _effects(is_effectful: bool) -> Effects:
    return frozenset((SIDE_EFFECT,)) if is_effectful else no_effects


def is_tuple(op: Any) -> bool:
    """Whether an operation gives one tuple."""
    results = op.results
    return len(results) == 1 and isinstance(results[0].type, ir.TupleType)


def types_of_results(op: Any) -> list[Any]:
    """The types of an operation's results, or of the elements of its one tuple."""
    if not is_tuple(op):
        return [value.type for value in op.results]
    whole = ir.TupleType(op.results[0].type)
    return [whole.get_type(i) for i in range(whole.num_types)]


def _captured(op: Any) -> list[Any]:
    """What the regions of an operation read from around it, but for its operands."""
    return [v for v in _values_from_outside(op) if v not in list(op.operands)]


def _values_from_outside(op: Any) -> list[Any]:
    """The operands of an operation, then what its regions read from around it."""
    found = dict.fromkeys(op.operands)
    for region in op.regions:
        for block in region.blocks:
            inside = set(block.arguments)
            for each in block.operations:
                for value in _values_from_outside(each.operation):
                    if value not in inside:
                        found[value] = None
                inside.update(each.operation.results)
    return list(found)


def _module_of(op: Any, free: Sequence[Any], symbols: dict[str, Any]) -> str:
    """The text of a module that applies one operation to ``free``."""
    with op.context, ir.Location.unknown():
        module = ir.Module.create()
        kind = ir.FunctionType.get([v.type for v in free], types_of_results(op))
        with ir.InsertionPoint(module.body):
            main = func.FuncOp("main", kind)
            block = main.add_entry_block()
            with ir.InsertionPoint(block):
                copy = op.clone()
                _replace_operands(copy, dict(zip(free, block.arguments, strict=True)))
                for i, argument in enumerate(block.arguments[: len(op.operands)]):
                    copy.operands[i] = argument
                _leave_open_where_it_lies(copy)
                func.ReturnOp(_elements(copy))
            for name in _symbols_in(op, symbols):
                symbols[name].operation.clone()
        return str(module.operation.get_asm(print_generic_op_form=True))


def _elements(op: Any) -> list[Any]:
    """The results of an operation, or the elements of its one tuple."""
    if not is_tuple(op):
        return list(op.results)
    (whole,) = op.results
    count = len(types_of_results(op))
    return [stablehlo.get_tuple_element(whole, i) for i in range(count)]


def _leave_open_where_it_lies(op: Any) -> None:
    """Takes shardings from an operation and its regions: their mesh is elsewhere."""
    if "sdy.sharding" in op.attributes:
        del op.attributes["sdy.sharding"]
    for region in op.regions:
        for block in region.blocks:
            for each in [operation.operation for operation in block.operations]:
                if each.name == "sdy.sharding_constraint":
                    each.results[0].replace_all_uses_with(each.operands[0])
                    each.erase()
                else:
                    _leave_open_where_it_lies(each)


def _replace_operands(op: Any, given: dict[Any, Any]) -> None:
    for i, value in enumerate(op.operands):
        if value in given:
            op.operands[i] = given[value]
    for region in op.regions:
        for block in region.blocks:
            for each in block.operations:
                _replace_operands(each.operation, given)


def _symbols_in(op: Any, symbols: dict[str, Any]) -> list[str]:
    """The functions of the module that an operation refers to, and those they do."""
    found: dict[str, None] = {}
    waiting = [op]
    while waiting:
        written = str(waiting.pop())
        for name in symbols:
            if name not in found and f"@{name}" in written:
                found[name] = None
                waiting.append(symbols[name].operation)
    return list(found)


def _lowered(ctx: Any, *operands: Any, module: str, **_: Any) -> Sequence[Any]:
    with ctx.module_context.context:
        parsed = ir.Module.parse(module)
    functions: list[Any] = list(parsed.body.operations)
    if len(functions) > 1:
        results = list(functions[0].function_type.value.results)
        name = mlir.merge_mlir_modules(
            ctx.module_context.module,
            "operation",
            parsed,
            ctx.module_context.symbol_table,
        )
        reference = ir.FlatSymbolRefAttr.get(name)
        return list(func.CallOp(results, reference, list(operands)).results)
    block = functions[0].regions[0].blocks[0]
    copy = block.operations[0].operation.clone()
    _replace_operands(copy, dict(zip(block.arguments, operands, strict=True)))
    return _elements(copy)


def _types(
    *_: Any, out_avals: Sequence[Any], is_effectful: bool, **__: Any
) -> tuple[list[Any], Effects]:
    return list(out_avals), _effects(is_effectful)


opaque_p.def_effectful_abstract_eval(_types)
opaque_p.def_impl(compiled_impl(opaque_p))
mlir.register_lowering(opaque_p, _lowered)
batched_by_loop(opaque_p)
