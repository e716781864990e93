"""Errors as compilers print them: one line on the standard error, and a status."""

from __future__ import annotations

import re
import sys

import click

from irad.errors import InternalError, IradError
from irad_passes.errors import ModuleError

_UNNAMED = "<text>"
_PLACE = re.compile(r"\(([^\s()]+:\d+:\d+)")


def run(command: click.Command, name: str) -> int:
    """Runs a command on the process's arguments; gives its exit status.

    What its user did wrong is one line, with status 2 for arguments that make no sense
    and 1 for the rest. A broken promise of irad's own is a traceback.
    """
    try:
        return command.main(prog_name=name, standalone_mode=False) or 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return 130
    except InternalError:
        raise
    except Exception as error:
        print(line(error, name), file=sys.stderr)
        return 1


def line(error: Exception, name: str) -> str:
    """An error as ``file:line:column: error: message``, as far as it says where."""
    if isinstance(error, ModuleError):
        place = error.place.replace(_UNNAMED, "<stdin>")
        return f"{place or name}: error: {_first(error.message)}"
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: error: {error.strerror}"
    message = _first(str(error))
    if not isinstance(error, IradError | TypeError | ValueError):
        message = f"{type(error).__name__}: {message}"
    found = _PLACE.search(message)
    place = name if found is None else found[1].replace(_UNNAMED, "<stdin>")
    return f"{place}: error: {message}"


def _first(message: str) -> str:
    return message.strip().partition("\n")[0]
