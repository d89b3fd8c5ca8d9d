"""Tests of the bench: its parts, and one run at a tiny size."""
