"""Growth: how a student's scores move over the years, and against students who stood at the same place."""
