"""Examples: one idea a file, each printing what it claims."""
