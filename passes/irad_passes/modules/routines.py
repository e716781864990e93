"""Custom calls to routines of linear algebra, read in one way for all libraries.

LAPACK, cuSOLVER and hipSOLVER take the same operands and give the same results. Older
modules pass options as leading scalars and give results as a tuple.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from irad_passes._compat.mlir import ir, scalar, stablehlo
from irad_passes.errors import ModuleError
from irad_passes.modules import attributes
from irad_passes.modules.frames import Atom, Frame
from irad_passes.modules.opaque import carried, is_tuple, types_of_results
from irad_passes.modules.uses import everywhere, is_all, is_read, readers

_PASSED_ON = ("stablehlo.broadcast_in_dim", "stablehlo.reshape")


@dataclass(frozen=True, eq=False)
class Call:
    """A call to a routine.

    Attributes:
        operands: The arrays it takes.
        options: Its options by name; texts of one letter as that letter.
        values: For each result the values that are it: several for an element of a
            tuple that is taken out several times.
        avals: The types of the results.
        known: Atoms that are found for values, beside the results.
    """

    frame: Frame
    op: Any
    operands: list[Any]
    options: dict[str, Any]
    values: list[list[Any]]
    avals: list[Any]
    known: dict[Any, Atom] = field(default_factory=dict)

    @property
    def atoms(self) -> list[Atom]:
        """The atoms of the operands."""
        return [self.frame.read(value) for value in self.operands]

    def option(self, name: str) -> Any:
        """An option, which the call must have, and not as a variable."""
        if name not in self.options:
            raise ModuleError(f"the custom call has no known option '{name}'")
        return self.options[name]

    def lower(self) -> bool:
        """Whether the lower triangle of the matrix is read."""
        uplo = self.options.get("uplo")
        return bool(self.option("lower")) if uplo is None else uplo == "L"

    def is_read(self, i: int) -> bool:
        """Whether anything reads a result."""
        return any(map(is_read, self.values[i]))


def read(frame: Frame, op: Any, scalars: Sequence[str]) -> Call:
    """A custom call; ``scalars`` names the options that old modules pass first.

    One that is computed, as the number of matrices is, is none that is asked for.
    """
    operands = list(op.operands)
    options = _options(op)
    if len(operands) > len(scalars) > 0 and not _shape(operands[0].type):
        for name, value in zip(scalars, operands, strict=False):
            found = everywhere(value)
            if found is not None:
                options[name] = _plain_number(found)
        operands = operands[len(scalars) :]
    return Call(frame, op, operands, options, *_results(frame, op))


def _options(op: Any) -> dict[str, Any]:
    for name in ("mhlo.backend_config", "backend_config"):
        if name in op.attributes and isinstance(op.attributes[name], ir.DictAttr):
            return {
                entry.name: _plain(entry.attr)
                for entry in ir.DictAttr(op.attributes[name])
            }
    return {}


def _plain(attribute: Any) -> Any:
    """An option's value: numbers of one byte are letters."""
    match attribute:
        case ir.BoolAttr() | ir.StringAttr():
            return attribute.value
        case ir.IntegerAttr():
            is_letter = str(attribute.type) == "ui8" and chr(attribute.value).isalpha()
            return chr(attribute.value) if is_letter else attribute.value
        case _:
            return attribute


def _plain_number(found: np.ndarray[Any, Any]) -> Any:
    letter = found.dtype == np.uint8 and chr(int(found)).isalpha()
    return chr(int(found)) if letter else found.item()


def _shape(type_: Any) -> Any:
    return ir.RankedTensorType(type_).shape


def _results(frame: Frame, op: Any) -> tuple[list[list[Any]], list[Any]]:
    """The values that are the results, taken out of a tuple where there is one."""
    if not is_tuple(op):
        return [[value] for value in op.results], frame.avals(op)
    avals = [frame.shared.avals[type_] for type_ in types_of_results(op)]
    values: list[list[Any]] = [[] for _ in avals]
    for element in readers(op.results[0], "stablehlo.get_tuple_element"):
        values[attributes.integer(element, "index")].append(element.results[0])
    return values, avals


def has_layout(op: Any, column_major: bool) -> bool:
    """Whether all matrices of a call lie in memory column by column, or row by row."""
    pairs = [
        *_layouts(op, "operand_layouts", [value.type for value in op.operands]),
        *_layouts(op, "result_layouts", types_of_results(op)),
    ]
    rank = max(len(shape) for shape, _ in pairs)
    rows = tuple(reversed(range(rank)))
    expected = (rank - 2, rank - 1, *rows[2:]) if column_major else rows
    return all(found == expected for shape, found in pairs if len(shape) == rank)


def _layouts(op: Any, name: str, types: Any) -> Iterator[tuple[Any, tuple[int, ...]]]:
    given = op.attributes[name] if name in op.attributes else [None] * len(types)
    for type_, layout in zip(types, given, strict=True):
        shape = _shape(type_)
        default = tuple(reversed(range(len(shape))))
        yield shape, default if layout is None else tuple(map(int, np.array(layout)))


def completed(call: Call, found: Sequence[Atom | None]) -> list[Any]:
    """The results of a call of which some are found.

    The first other one of integers says whether the routine failed. Where the results
    are NaN then, and it is read for no more than that, it is zero. Any other result
    that is read is that of the call itself.
    """
    atoms = [*found, *[None] * (len(call.avals) - len(found))]
    failed = _failure(call, len(found))
    taken: Sequence[Any] = ()
    for i, atom in enumerate(atoms):
        if atom is not None:
            continue
        if call.is_read(i) and not (i == failed and _resolve(call, i, atoms)):
            taken = taken or carried(call.frame, call.op)
            atoms[i] = taken[i]
            continue
        aval = call.avals[i]
        atoms[i] = call.frame.broadcast(scalar(0, aval.dtype), aval.shape)
    return [tuple(atoms)] if is_tuple(call.op) else atoms


def _failure(call: Call, start: int) -> int:
    """The position of the result that says whether the routine failed."""
    for i in range(start, len(call.avals)):
        if call.avals[i].dtype == np.int32:
            return i
    return -1


def _resolve(call: Call, failed: int, atoms: Sequence[Atom | None]) -> bool:
    """Whether failure is only read to make results NaN; these are then as they are."""
    selects = [s for value in call.values[failed] for s in _guards(value)]
    if any(select is None for select in selects):
        return False
    known = dict(call.known)
    for values, atom in zip(call.values, atoms, strict=True):
        known |= {value: atom for value in values if atom is not None}
    for select in selects:
        atom = known.get(select.operands[1])
        if atom is not None:
            call.frame.define_early(select.results[0], atom)
    return True


def _guards(failure: Any) -> Iterator[Any]:
    """The selections of NaN that hang on a failure, and None for another reader."""
    for compare in readers(failure):
        yield from _selections(compare.results[0]) if _is_success(compare) else [None]


def _is_success(op: Any) -> bool:
    if op.name != "stablehlo.compare" or not is_all(op.operands[1], 0):
        return False
    direction = op.attributes["comparison_direction"]
    return stablehlo.ComparisonDirectionAttr(direction).value in ("EQ", "GE")


def _selections(truth: Any) -> Iterator[Any]:
    for op in readers(truth):
        if op.name in _PASSED_ON:
            yield from _selections(op.results[0])
        elif op.name == "stablehlo.select" and is_all(op.operands[2], np.nan):
            yield op if op.operands[0] == truth else None
        else:
            yield None
