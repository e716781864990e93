"""``raise_``: a StableHLO module as jaxprs, operation by operation.

Equations are built directly. An operation that is a primitive of lax becomes it; any
other becomes one opaque equation, which lowers back to it verbatim.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from irad_passes._compat import Var
from irad_passes._compat.mlir import ClosedJaxpr, current_equation_context, ir
from irad_passes.errors import ModuleError
from irad_passes.modules import (
    composites,
    contraction,
    control,
    convolution,
    custom_calls,
    elementwise,
    factorizations,
    formulas,
    indexing,
    mapping,
    optimized,
    reduction,
    shaping,
    sharding,
    sorting,
    windows,
)
from irad_passes.modules.converters import Converter
from irad_passes.modules.frames import (
    Avals,
    Frame,
    Function,
    Shared,
    jaxpr_of,
)
from irad_passes.modules.opaque import carried, is_tuple
from irad_passes.modules.places import place_of

CONVERTERS: dict[str, Converter] = {
    **elementwise.TABLE,
    **formulas.TABLE,
    **composites.TABLE,
    **shaping.TABLE,
    **contraction.TABLE,
    **reduction.TABLE,
    **control.TABLE,
    **sharding.TABLE,
    **convolution.TABLE,
    **indexing.TABLE,
    **mapping.TABLE,
    **sorting.TABLE,
    **windows.TABLE,
    **factorizations.TABLE,
    **custom_calls.TABLE,
    **optimized.TABLE,
}
"""How each operation becomes equations; one that is not here is carried as it is."""

_DIALECTS = ("stablehlo.", "chlo.", "func.")


class Functions:
    """The functions of a module by name, each raised when it is first asked for."""

    def __init__(self, module: Any, file: str = "") -> None:
        self._module = module  # its operations live as long as it does
        symbols = {
            op.operation.attributes["sym_name"].value: op
            for op in module.body.operations
            if op.operation.name == "func.func"
        }
        self.symbols = symbols
        self._file = file
        self._raised: dict[tuple[str, Any], Function] = {}
        self._open: list[str] = []
        self._shared = Shared(
            self.__getitem__,
            _convert,
            symbols,
            Avals(),
            current_equation_context(),
            file,
            {
                op.operation.attributes["sym_name"].value: op.operation
                for op in module.body.operations
                if op.operation.name == "sdy.mesh"
            },
        )

    def __getitem__(self, name: str) -> Function:
        # What is computed of one shard is another program than the same of the whole.
        key = name, self._shared.manual
        found = self._raised.get(key)
        if found is None:
            found = self._raised[key] = self._raise(name)
        return found

    def is_public(self, name: str) -> bool:
        """Whether a function can be called from outside."""
        attributes = self.symbols[name].operation.attributes
        seen = "sym_visibility" in attributes
        return not seen or attributes["sym_visibility"].value == "public"

    def _raise(self, name: str) -> Function:
        if name not in self.symbols:
            known = ", ".join(self.symbols) or "none"
            raise ModuleError(f"no function @{name} in the module (functions: {known})")
        op = self.symbols[name].operation
        place = place_of(op, self._file)
        if name in self._open:
            raise ModuleError(f"@{name} calls itself: that cannot be raised", place)
        if not op.regions[0].blocks:
            raise ModuleError(f"@{name} is declared and has no body", place)
        self._open.append(name)
        try:
            return self._body(name, op, place)
        except RecursionError:
            raise ModuleError(f"@{name} is nested too deeply", place) from None
        finally:
            self._open.pop()

    def _body(self, name: str, op: Any, place: str) -> Function:
        blocks = list(op.regions[0].blocks)
        if len(blocks) > 1:
            raise ModuleError(f"@{name} jumps between {len(blocks)} blocks", place)
        frame = Frame(self._shared)
        invars = []
        for value in blocks[0].arguments:
            try:
                var = Var(frame.aval(value))
            except ModuleError as error:
                raise ModuleError(error.message, place) from None
            frame.define(value, var)
            invars.append(var)
        arguments = sharding.of_signature(op, "arg_attrs")
        for value, var, asked in zip(
            blocks[0].arguments, invars, arguments, strict=False
        ):
            if asked is not None:
                frame.define(value, sharding.constrained(frame, var, asked))
        outs = frame.raise_block(blocks[0])
        for i, asked in enumerate(sharding.of_signature(op, "res_attrs")):
            if asked is not None:
                outs[i] = sharding.constrained(frame, outs[i], asked)
        jaxpr = jaxpr_of([*frame.constvars, *invars], outs, frame.eqns)
        return Function(name, ClosedJaxpr(jaxpr, ()), tuple(frame.constants))


def raise_(module: Any, file: str = "") -> Functions:
    """The functions of a module as jaxprs; ``file`` is named in errors."""
    return Functions(module, file)


def _convert(frame: Frame, op: Any) -> Sequence[Any]:
    """The results of one operation."""
    converter = CONVERTERS.get(op.name)
    try:
        found = None if converter is None else converter(frame, op)
        if found is not None:
            return found
        if not op.name.startswith(_DIALECTS):
            raise ModuleError(f"operation '{op.name}' is of a dialect irad cannot read")
        results = carried(frame, op)
        return [tuple(results)] if is_tuple(op) else results
    except ModuleError as error:
        if error.place:
            raise
        place = place_of(op, frame.shared.file)
        raise ModuleError(error.message, place) from None
    except ir.MLIRError as error:
        place = place_of(op, frame.shared.file)
        raise ModuleError(str(error).splitlines()[0], place) from None
