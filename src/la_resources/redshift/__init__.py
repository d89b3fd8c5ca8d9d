"""Redshift as the SQL engine over a lake in S3: each published partition is loaded into a table of the same name."""
