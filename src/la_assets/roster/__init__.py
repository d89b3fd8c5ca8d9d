"""Roster: who the students, staff, schools and sections of a school year are, and how they belong together."""
