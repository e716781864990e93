"""Jacobians in ELLPACK terms: a few entries for each element, their columns static.

A linear program is applied to a Jacobian instead of a tangent, and what is known of its
structure stays: the Jacobian of elementwise code is one entry for each element, that of
a stencil three or five, of a batch one block for each member. Which columns the entries
are in is worked out on the host when a derivative is planned; only values are computed.
"""

from irad.ellpack import contraction, elementwise, indexing, moving, whole
from irad.ellpack.assembly import dense_block
from irad.ellpack.entries import Entries, entries_of, values_of
from irad.ellpack.propagation import Propagation, propagate
from irad.ellpack.shapes import TooWideError
from irad.ellpack.terms import Columns, Slot, Tape, Term, Terms, identity, slots_of

__all__ = [
    "Columns",
    "Entries",
    "Propagation",
    "Slot",
    "Tape",
    "Term",
    "Terms",
    "TooWideError",
    "contraction",
    "dense_block",
    "elementwise",
    "entries_of",
    "identity",
    "indexing",
    "moving",
    "propagate",
    "slots_of",
    "values_of",
    "whole",
]
