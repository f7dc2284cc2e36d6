"""The daemon: construction of its parts, and its life cycle."""
