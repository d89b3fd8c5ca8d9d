"""Tests of the coursework room."""
