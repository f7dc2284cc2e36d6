"""A simulated meter: what it answers by DLMS and by IEC 62056-21, octets in and octets out."""
