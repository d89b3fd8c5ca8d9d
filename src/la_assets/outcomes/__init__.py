"""Outcomes: how students left the district, and where they enrolled afterwards."""
