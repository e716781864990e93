"""What a gradient keeps and computes again: the account that users read."""
