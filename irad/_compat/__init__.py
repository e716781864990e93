"""The only place for private or version-dependent JAX names."""
