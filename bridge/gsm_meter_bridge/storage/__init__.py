"""The database, SQLite or PostgreSQL: jobs, messages, readings, passwords, leases, budgets."""
