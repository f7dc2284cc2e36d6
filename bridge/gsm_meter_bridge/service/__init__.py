"""What a user, or the clock, can ask for; everything here ends in a stored job."""
