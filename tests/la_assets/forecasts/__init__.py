"""Tests of the forecasts room."""
