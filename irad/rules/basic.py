from jax import lax

from irad.rules.registry import MINUS_ONE, ONE, Over, Where, constant, elementwise, linear, joint

elementwise(lax.add_p, ONE, ONE)
elementwise(lax.sub_p, ONE, MINUS_ONE)
elementwise(lax.neg_p, MINUS_ONE)
elementwise(lax.mul_p, lambda y, a, b: b, lambda y, a, b: a)
elementwise(lax.sin_p, lambda y, x: lax.cos(x))
elementwise(lax.cos_p, lambda y, x: lax.neg(lax.sin(x)))
elementwise(lax.tanh_p, lambda y, x: (1 - y) * (1 + y))
elementwise(lax.exp_p, lambda y, x: y)
elementwise(lax.log_p, lambda y, x: Over(x))

from irad._compat import ir
elementwise(ir.add_any_p, ONE, ONE)
elementwise(lax.max_p, lambda y, a, b: _max_share(y, a, b), lambda y, a, b: _max_share(y, b, a))


def _max_share(y, a, b):
    return lax.select(lax.gt(a,b), lax.full_like(y,1), lax.select(lax.eq(a,b), lax.full_like(y,.5), lax.full_like(y,0)))
