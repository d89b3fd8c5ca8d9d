"""Attendance: every expected day of every student, and what the days add up to in a year."""
