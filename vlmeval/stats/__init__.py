"""Statistics on arrays: no sample, file, clock or global random state is known here; a seed is a parameter."""
