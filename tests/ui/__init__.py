"""Tests that look at real pages in a real browser."""
