"""Finance: per-pupil spending of schools."""
