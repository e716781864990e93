"""irad: automatic differentiation that plans, at the level of the IR."""

from irad.checking import check_grads
from irad.compression.picture import SparsityPattern
from irad.errors import (
    GradientCheckError,
    InternalError,
    IradError,
    NoRuleError,
    NotDifferentiableError,
    NotLinearError,
    PlanError,
)
from irad.memory import clear_caches
from irad.operators import Jacobian
from irad.planning.plans import Plan
from irad.transforms.attachment import attach, checkpoint
from irad.transforms.forward import jvp, linearize
from irad.transforms.jacobians import hvp, jacfwd, jacrev
from irad.transforms.mixed import hessian, jacobian, plan, value_and_jacobian
from irad.transforms.patterns import sparsity
from irad.transforms.reverse import grad, value_and_grad, vjp
from irad.transforms.transposition import linear_transpose

__all__ = [
    "GradientCheckError",
    "InternalError",
    "IradError",
    "Jacobian",
    "NoRuleError",
    "NotDifferentiableError",
    "NotLinearError",
    "Plan",
    "PlanError",
    "SparsityPattern",
    "attach",
    "check_grads",
    "checkpoint",
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
    "plan",
    "sparsity",
    "value_and_grad",
    "value_and_jacobian",
    "vjp",
]
