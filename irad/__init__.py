"""irad: automatic differentiation that plans, at the level of the IR."""

from irad.checking import check_grads
from irad.errors import (
    GradientCheckError,
    InternalError,
    IradError,
    NoRuleError,
    NotDifferentiableError,
    NotLinearError,
)
from irad.memory import clear_caches
from irad.transforms.forward import jvp, linearize
from irad.transforms.jacobians import hessian, hvp, jacfwd, jacobian, jacrev
from irad.transforms.patterns import SparsityPattern, sparsity
from irad.transforms.reverse import grad, value_and_grad, vjp
from irad.transforms.transposition import linear_transpose

__all__ = [
    "GradientCheckError",
    "InternalError",
    "IradError",
    "NoRuleError",
    "NotDifferentiableError",
    "NotLinearError",
    "SparsityPattern",
    "check_grads",
    "clear_caches",
    "grad",
    "hessian",
    "hvp",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jvp",
    "linear_transpose",
    "linearize",
    "sparsity",
    "value_and_grad",
    "vjp",
]
