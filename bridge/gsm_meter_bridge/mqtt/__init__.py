"""The public face: topics, documents and discovery are pure; client and publisher do the I/O."""
