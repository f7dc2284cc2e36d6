"""TCP and data calls: listeners, identification of clients, the connection pool, tunnels and meter polls."""
