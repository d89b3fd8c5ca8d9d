"""Coursework: marks by section and grading period, and the grade point average of a year."""
