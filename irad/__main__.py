"""`python -m irad`."""

import sys

from irad.cli import irad

if __name__ == "__main__":
    sys.exit(irad())
