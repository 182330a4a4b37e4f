"""From a journal to numbers: no model, no network, no clock. Scoring a journal twice gives the same bytes."""
