"""Warm kernels: each run gets a new process, forked from a parent that has imported the libraries already."""
