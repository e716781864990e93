"""Passes from IR to IR that know nothing of derivatives.

Each takes and returns an open jaxpr of the same inputs and values, and returns the same
object where it finds nothing to do. Jaxprs that read or write mutable arrays are left
as they are.
"""

from irad_passes.cse import cse
from irad_passes.dce import dce
from irad_passes.effects import draws_anew
from irad_passes.fold import fold
from irad_passes.hoist import invariant_equations
from irad_passes.inline import inline
from irad_passes.loops import as_scans
from irad_passes.narrow import narrow
from irad_passes.partition import Boundary, Partition, Price, partition
from irad_passes.preaccumulate import accumulated, chains, joined_sums
from irad_passes.segments import cut_scan, nested, segmented
from irad_passes.simplify import simplify

__all__ = [
    "Boundary",
    "Partition",
    "Price",
    "accumulated",
    "as_scans",
    "chains",
    "cse",
    "cut_scan",
    "dce",
    "draws_anew",
    "fold",
    "inline",
    "invariant_equations",
    "joined_sums",
    "narrow",
    "nested",
    "partition",
    "segmented",
    "simplify",
]
