"""Tables built by dbt: the same models on DuckDB or on Redshift, from a build that nobody else sees until it has passed."""
