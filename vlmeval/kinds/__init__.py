"""How a sample is asked and what a reply means; pure."""
