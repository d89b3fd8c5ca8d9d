"""MTSS: scores filled in with flags, growth, tiers of support, and intervention clusters."""
