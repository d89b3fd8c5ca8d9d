"""The asset graph: landing -> tables -> models -> marts -> deliverables, by school year."""
