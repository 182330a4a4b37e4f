"""Additive statistics, one metric a file."""
