"""Modules as they are raised: today's operations, on arrays of known shapes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from irad_passes._compat.mlir import ir, passmanager, with_known_shapes
from irad_passes.errors import ModuleError
from irad_passes.modules.lowering import bytecode

_FROM_VHLO = "vhlo-to-version{target=current},vhlo-legalize-to-stablehlo"
_DEPRECATED = "func.func(stablehlo-legalize-deprecated-ops{fail-on-unused=false})"
_KNOWN = "stablehlo-refine-shapes,func.func(stablehlo-canonicalize-dynamism)"

_WITH_SHAPES = re.compile(
    r"stablehlo\.(real_dynamic_slice|dynamic_"
    r"(reshape|broadcast_in_dim|iota|pad|gather|conv))\b"
)
_BEHIND = re.compile(r"dense_resource<(?!__elided__)")
_NAMED = re.compile(r"dense_resource<(\S+)>")
_RESOURCE = re.compile(r'(\S+): "0x[0-9A-Fa-f]{8}([0-9A-Fa-f]+)"')

_ESCAPED = re.compile(r"(?:\\[89A-F][0-9A-F])+")

_REASON = re.compile(r".*error: (?:loc\([^)]*\): )?")
"""What stands before the reason in an error of XLA's."""

_MOST_PRINTED = 4
"""Elements of a constant that are printed to look for shapes that are not known."""


def updated(module: Any, shapes: Sequence[Any] | None, file: str) -> Any:
    """The module with today's operations, and with shapes that can be known.

    ``shapes`` are those of the inputs of ``main``, if the module leaves them open.
    """
    with module.context:
        _check_texts(module, file)
        operations = list(module.body.operations)
        if operations and operations[0].operation.name.startswith("vhlo."):
            _run(module, _FROM_VHLO, file)
        _run(module, _DEPRECATED, file)
        if shapes is not None:
            types = ",".join(_types(module, shapes, file))
            _run(module, f"stablehlo-refine-arguments{{types={types}}}", file)
        written = module.operation.get_asm(large_elements_limit=_MOST_PRINTED)
        if shapes is not None or _is_dynamic(written):
            module = _refined(module, file)
        if _BEHIND.search(written):
            _hold_resources(module, file)
    return module


def _refined(module: Any, file: str) -> Any:
    """The module with its shapes, which have to be known where those of inputs are."""
    main = _main(module)
    if main is None or any("?" in str(v.type) for v in _inputs(main)):
        _run(module, _KNOWN, file)
        return module
    try:
        return ir.Module.parse(with_known_shapes(bytecode(module)))
    except RuntimeError as error:
        reason = _REASON.sub("", str(error).splitlines()[0])
        raise ModuleError(f"the module cannot be prepared: {reason}", file) from None


def _run(module: Any, pipeline: str, file: str) -> None:
    manager = passmanager.PassManager.parse(f"builtin.module({pipeline})")
    try:
        manager.run(module.operation)
    except ir.MLIRError as error:
        message = [d.message for d in error.error_diagnostics] or [str(error)]
        reason = message[0].splitlines()[0]
        raise ModuleError(f"the module cannot be prepared: {reason}", file) from None


def _check_texts(module: Any, file: str) -> None:
    """ModuleError for a name that is not UTF-8: the bindings end the process at one."""
    written = module.operation.get_asm(
        large_elements_limit=_MOST_PRINTED, enable_debug_info=True
    )
    for found in set(_ESCAPED.findall(written)):
        try:
            bytes.fromhex(found.replace("\\", "")).decode()
        except UnicodeDecodeError:
            raise ModuleError(f"the text {found} in it is not UTF-8", file) from None


def _is_dynamic(written: str) -> bool:
    """Whether a dimension is not known, or an operation takes shapes as operands."""
    return "?x" in written or _WITH_SHAPES.search(written) is not None


def _hold_resources(module: Any, file: str) -> None:
    """Gives constants whose values stand behind the module values of their own.

    A value behind the module starts with four bytes that say how it is aligned.
    """
    values = dict(_RESOURCE.findall(module.operation.get_asm()))

    def hold(op: Any) -> Any:
        if op.name == "stablehlo.constant":
            attribute = op.attributes["value"]
            named = _NAMED.match(str(attribute))
            if named is not None and named[1] in values:
                written = f'dense<"0x{values[named[1]]}"> : {attribute.type}'
                try:
                    op.attributes["value"] = ir.Attribute.parse(written)
                except ir.MLIRError:
                    wrong.append(named[1])
                    return ir.WalkResult.INTERRUPT
        return ir.WalkResult.ADVANCE

    wrong: list[str] = []
    module.operation.walk(hold)
    if wrong:
        raise ModuleError(f"the resource '{wrong[0]}' is no value of its type", file)


def _types(module: Any, shapes: Sequence[Any], file: str) -> list[str]:
    """The types of the inputs of ``main`` with given shapes."""
    main = _main(module)
    inputs = [] if main is None else _inputs(main)
    if len(inputs) != len(shapes):
        raise ModuleError(
            f"shapes are given for {len(shapes)} inputs, @main has {len(inputs)}", file
        )
    return [_type(v.type, shape) for v, shape in zip(inputs, shapes, strict=True)]


def _main(module: Any) -> Any:
    """The function that is called; None where there is none of that name."""
    return next((op for op in module.body.operations if _name(op) == "main"), None)


def _inputs(function: Any) -> list[Any]:
    blocks = list(function.regions[0].blocks)
    return list(blocks[0].arguments) if blocks else []


def _name(op: Any) -> str:
    attributes = op.operation.attributes
    return attributes["sym_name"].value if "sym_name" in attributes else ""


def _type(open_type: Any, shape: Any) -> str:
    dimensions = "".join(f"{n}x" for n in getattr(shape, "shape", shape))
    return f"tensor<{dimensions}{ir.RankedTensorType(open_type).element_type}>"
