"""Side-by-side human preference: votes, ratings, and how far to trust them. It never imports `run` or `score`."""
