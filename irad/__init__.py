"""irad: automatic differentiation that plans, at the level of the IR."""

from irad.transforms.forward import jvp, linearize
from irad.transforms.jacobians import hessian, hvp, jacfwd, jacobian, jacrev
from irad.transforms.reverse import grad, value_and_grad, vjp

__all__ = [
    "grad",
    "hessian",
    "hvp",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jvp",
    "linearize",
    "value_and_grad",
    "vjp",
]
