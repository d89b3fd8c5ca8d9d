"""Behaviour: incidents with their actions, and positive points."""
