"""Tests of the roster room."""
