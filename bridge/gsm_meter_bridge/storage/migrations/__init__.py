"""The migrations that lead to the tables in `schema`."""
