"""Settings of the rooms that a district may change, one model per room; ``district.py`` puts them together."""
