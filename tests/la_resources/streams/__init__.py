"""Tests of the stream's events, its consumer and its producer."""
