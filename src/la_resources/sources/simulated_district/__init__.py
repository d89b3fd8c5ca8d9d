"""A whole school district simulated: landing files in the shapes real districts have, and the truth behind them.

``simulate`` is all there is to call; ``python -m la_resources.sources.simulated_district`` does it from a shell. Nothing here
reads a file or knows the lake.
"""

from la_resources.sources.simulated_district.district import SimulatedDistrict, simulate
from la_resources.sources.simulated_district.parameters import Parameters

__all__ = ["Parameters", "SimulatedDistrict", "simulate"]
