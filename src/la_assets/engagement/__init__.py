"""Engagement: activity in the learning management system by student, section and day."""
