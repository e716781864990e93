"""Vertex elimination orders: in which order to multiply local Jacobians."""

from irad.ordering.bounds import lower_bound
from irad.ordering.elimination import Count, Objective, count
from irad.ordering.exact import optimum
from irad.ordering.graph import Edge, Graph, Kind
from irad.ordering.orders import forward, markowitz, reverse
from irad.ordering.searching import Found, search

__all__ = [
    "Count",
    "Edge",
    "Found",
    "Graph",
    "Kind",
    "Objective",
    "count",
    "forward",
    "lower_bound",
    "markowitz",
    "optimum",
    "reverse",
    "search",
]
