"""Simulated meters: what stands behind a module. No ports, no clocks: octets in, octets out."""
