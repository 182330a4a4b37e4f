"""Pages and tables from results; rebuilt, never edited."""
