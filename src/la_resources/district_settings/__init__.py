"""Settings of one room each, which a district may change; ``District`` holds them as fields."""
