"""The public transforms: arguments and trees in, a derivative out."""
