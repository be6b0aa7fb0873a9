"""Parts of the benchmark of searches over several workers."""
