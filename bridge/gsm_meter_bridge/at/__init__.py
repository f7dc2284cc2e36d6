"""AT commands as bytes, lines and tables; pure (3GPP TS 27.007, TS 27.005, ITU-T V.250)."""
