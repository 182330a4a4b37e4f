"""Requests to a journal: planning, threads, retries, limits, progress."""
