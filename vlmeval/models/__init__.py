"""Model wrappers; heavy packages are imported inside the one that needs them."""
