"""Forecasts: final scale scores from what is known after each progress window, by walk-forward models."""
