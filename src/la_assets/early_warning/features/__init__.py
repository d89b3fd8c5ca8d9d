"""What was known of a student, or of a student in a course, at a snapshot day; one module a source of facts."""
