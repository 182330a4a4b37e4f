"""From a name to verified samples."""
