"""What benchmarks/gpu.py measures, in processes of its own."""
