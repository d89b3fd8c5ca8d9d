"""A program that builds one mart of the small district on the engine that the environment names; made to be killed in the middle."""

from la_assets.marts.assets import PROJECT
from la_resources.district_settings.marts import MartsSettings
from la_resources.environments import build_resources
from tests.la_assets.marts.small_district import YEAR

if __name__ == "__main__":
    engine = build_resources([])["marts_engine"].engine()
    with engine.built(PROJECT, ["marts.district_overview"], [YEAR], MartsSettings().model_dump()):
        print("built")
