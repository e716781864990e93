"""Compression of Jacobians: patterns, how they are found, and colourings of them."""
