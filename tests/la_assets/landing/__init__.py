"""Tests of the landing room."""
