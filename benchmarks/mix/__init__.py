"""Models and figures of the benchmarks of media mix models."""
