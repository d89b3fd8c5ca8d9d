"""Early warning: what was known of a student at a day, the risk that follows from it, and how far to trust that."""
