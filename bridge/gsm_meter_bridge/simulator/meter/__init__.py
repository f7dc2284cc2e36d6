"""A simulated meter that answers DLMS and IEC 62056-21: octets in, octets out."""
