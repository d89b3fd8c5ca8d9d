"""Tests of the MTSS room."""
