<<<<<<< HEAD
"""Simulated meters: what answers behind a module. No sockets, no clock."""
=======
"""Simulated meters: what stands behind a module. No ports, no clocks: octets in, octets out."""
>>>>>>> 3e3185b854a9ffc1f0538c61bff73a2d9801a8e4
