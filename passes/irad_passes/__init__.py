"""Passes from IR to IR that know nothing of derivatives."""
