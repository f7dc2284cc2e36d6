"""A simulated cellular world for demos, tests and users without hardware."""

from gsm_meter_bridge.simulator.world import ModulePlan, RunningWorld, World, simulate

__all__ = ["ModulePlan", "RunningWorld", "World", "simulate"]
