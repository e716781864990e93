"""Vertex elimination where vertices are arrays: products that keep structure."""

from irad.ordering.orders import forward, reverse
from irad.ordering.tensors.elimination import count
from irad.ordering.tensors.equations import tensor_graph
from irad.ordering.tensors.graph import TensorGraph
from irad.ordering.tensors.moves import Drop, Insert, Permute, Rearrange, Resize
from irad.ordering.tensors.partial import Partial
from irad.ordering.tensors.searching import Found, markowitz, search
from irad.ordering.tensors.structure import Axis, Structure, dense, diagonal

__all__ = [
    "Axis",
    "Drop",
    "Found",
    "Insert",
    "Partial",
    "Permute",
    "Rearrange",
    "Resize",
    "Structure",
    "TensorGraph",
    "count",
    "dense",
    "diagonal",
    "forward",
    "markowitz",
    "reverse",
    "search",
    "tensor_graph",
]
