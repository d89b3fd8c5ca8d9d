"""The pages a data team opens first, seen in a headless browser over a real Dagster."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.served_dagster import ServedDagster

pytestmark = pytest.mark.needs("chromium", "chromedriver")
PATIENCE = 60
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1600,1100",
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    profile: Path = tmp_path_factory.mktemp("profile")
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    yield driver
    driver.quit()


def text_with(browser, *wanted: str) -> str:
    """The page's text, once it holds all that is wanted."""
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.wait import WebDriverWait

    seen = [""]

    def there(driver) -> bool:
        seen[0] = driver.execute_script("return document.body.innerText")
        return all(word in seen[0] for word in wanted)

    try:
        WebDriverWait(browser, PATIENCE).until(there)
    except Exception as error:
        missing = [word for word in wanted if word not in seen[0]]
        shown = browser.find_element(By.TAG_NAME, "body").text
        raise AssertionError(f"{browser.current_url} does not show {missing} within {PATIENCE} s; it shows:\n{shown}") from error
    return seen[0]


def test_the_asset_graph_shows_every_room(served_dagster: ServedDagster, browser) -> None:
    browser.get(f"{served_dagster.url}/asset-groups")
    rooms = ("landing", "directory", "roster", "attendance", "assessments", "coursework", "behavior", "engagement", "outcomes", "programs")
    page = text_with(browser, *rooms, "finance")
    assert "Join the Dagster community" not in page, "nothing lies over the first page"


def test_an_asset_page_says_what_a_row_is_whose_it_is_and_how_it_stands(served_dagster: ServedDagster, browser) -> None:
    browser.get(f"{served_dagster.url}/assets/roster/students")
    page = text_with(
        browser,
        "A row is a student in a school year.",  # the description, rendered
        "Fresh daily with the student system.",
        "Pseudonymous key of the student.",  # a column's description
        "Row count",
        "Polars",
        "Parquet",
    )
    assert "**" not in page, "markdown that did not render"
    assert "data" in page.partition("Owners")[2][:20]
