"""Tests of the behavior room."""
