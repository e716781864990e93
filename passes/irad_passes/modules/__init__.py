"""Modules of StableHLO: read, raised to jaxprs, and lowered again."""

from irad_passes.modules.bodied import (
    scatter_by_p,
    select_and_scatter_by_p,
    sort_by_p,
)
from irad_passes.modules.frames import Function
from irad_passes.modules.lowering import artifact, bytecode, hlo, lower
from irad_passes.modules.meshes import has_shards, mesh_of
from irad_passes.modules.opaque import opaque_p
from irad_passes.modules.operations import Operation, operation_of
from irad_passes.modules.raising import Functions, raise_
from irad_passes.modules.reading import from_hlo, parse, read

__all__ = [
    "Function",
    "Functions",
    "Operation",
    "artifact",
    "bytecode",
    "from_hlo",
    "has_shards",
    "hlo",
    "lower",
    "mesh_of",
    "opaque_p",
    "operation_of",
    "parse",
    "raise_",
    "read",
    "scatter_by_p",
    "select_and_scatter_by_p",
    "sort_by_p",
]
