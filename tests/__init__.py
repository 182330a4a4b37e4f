"""Tests; they mirror vlmeval/."""
