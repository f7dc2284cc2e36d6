"""How the tables came to be what `schema` says they are."""
