"""Requests by users and by the clock; each that is accepted ends in a stored job."""
