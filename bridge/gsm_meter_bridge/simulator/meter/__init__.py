"""Simulated meters: what answers behind a module. No sockets, no clock."""
