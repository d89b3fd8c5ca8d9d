"""Tests of the outcomes room."""
