"""Assessments: attempts at tests with the official one named, and points by standard."""
