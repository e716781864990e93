"""irad: automatic differentiation that plans, at the level of the IR."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from irad.checking import check_grads
from irad.errors import (
    DisagreementError,
    GradientCheckError,
    InternalError,
    IradError,
    NoRuleError,
    NotDifferentiableError,
    NotLinearError,
    PlanError,
)
from irad.memory import clear_caches
from irad.transforms.forward import jvp, linearize
from irad.transforms.jacobians import hvp, jacfwd, jacrev
from irad.transforms.reverse import grad, value_and_grad, vjp
from irad.transforms.transposition import linear_transpose

__all__ = [
    "Comparison",
    "DisagreementError",
    "Explanation",
    "GradientCheckError",
    "InternalError",
    "IradError",
    "Jacobian",
    "NoRuleError",
    "NotDifferentiableError",
    "NotLinearError",
    "Plan",
    "PlanError",
    "Residuals",
    "SparsityPattern",
    "attach",
    "check_grads",
    "checkpoint",
    "clear_caches",
    "compare",
    "explain",
    "grad",
    "hessian",
    "hvp",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jvp",
    "linear_transpose",
    "linearize",
    "load_plans",
    "plan",
    "residuals",
    "save_plans",
    "sparsity",
    "value_and_grad",
    "value_and_jacobian",
    "vjp",
]

# Half of irad, of which a gradient needs nothing: it comes when it is asked for.
_PLANNING = {
    "Comparison": "irad.comparison",
    "Explanation": "irad.explanation",
    "Jacobian": "irad.operators",
    "Plan": "irad.planning.plans",
    "Residuals": "irad.keeping.report",
    "SparsityPattern": "irad.compression.picture",
    "attach": "irad.transforms.attachment",
    "checkpoint": "irad.transforms.attachment",
    "compare": "irad.comparison",
    "explain": "irad.explanation",
    "hessian": "irad.transforms.mixed",
    "jacobian": "irad.transforms.mixed",
    "load_plans": "irad.measurements",
    "plan": "irad.transforms.mixed",
    "residuals": "irad.transforms.reports",
    "save_plans": "irad.measurements",
    "sparsity": "irad.transforms.patterns",
    "value_and_jacobian": "irad.transforms.mixed",
}
_PARTS = ("ordering", "stablehlo")

if TYPE_CHECKING:
    from irad import ordering as ordering
    from irad import stablehlo as stablehlo
    from irad.comparison import Comparison, compare
    from irad.compression.picture import SparsityPattern
    from irad.explanation import Explanation, explain
    from irad.keeping.report import Residuals
    from irad.measurements import load_plans, save_plans
    from irad.operators import Jacobian
    from irad.planning.plans import Plan
    from irad.transforms.attachment import attach, checkpoint
    from irad.transforms.mixed import hessian, jacobian, plan, value_and_jacobian
    from irad.transforms.patterns import sparsity
    from irad.transforms.reports import residuals
else:

    def __getattr__(name: str) -> Any:
        if name in _PARTS:
            return import_module(f"irad.{name}")
        if name not in _PLANNING:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(import_module(_PLANNING[name]), name)
        globals()[name] = found
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
