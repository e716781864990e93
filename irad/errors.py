"""What irad raises: few classes, each message with the place and the next step."""

from __future__ import annotations


class IradError(Exception):
    """The base of the errors that irad raises for its users."""


class NoRuleError(IradError, NotImplementedError):
    """A primitive on an active path has no derivative."""


class NotLinearError(IradError, TypeError, NotImplementedError):
    """A function that must be linear in its arguments is not."""


class ArgumentCountError(IradError, TypeError, ValueError):
    """A call has no argument at a position to differentiate in."""


class NotDifferentiableError(IradError, ValueError):
    """An equation on an active path cannot be differentiated in the mode asked for."""


class PlanError(IradError, ValueError):
    """A plan cannot be made, or does not fit the program it is used for."""


class GradientCheckError(IradError, AssertionError):
    """A derivative disagrees with central differences."""


class DisagreementError(IradError, AssertionError):
    """Two ways to the same values gave different ones, so that neither is shown."""


class InternalError(IradError, AssertionError):
    """irad broke a promise of its own: please report it with the program."""
