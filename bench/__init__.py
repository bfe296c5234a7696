"""Benchmarks: one file per question, each prints its answer as a table."""
