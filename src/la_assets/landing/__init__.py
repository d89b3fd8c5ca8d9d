"""Landing: files and streams become raw rows with lineage; what cannot be read is quarantined."""
