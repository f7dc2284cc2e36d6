"""Home Assistant loads what is below; the folder of one integration is all that is installed."""
