"""The MQTT interface: topics, documents and discovery are pure; client and publisher do the I/O."""
