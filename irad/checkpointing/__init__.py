"""Checkpoints: which states of a loop are stored, and what running it again costs."""
