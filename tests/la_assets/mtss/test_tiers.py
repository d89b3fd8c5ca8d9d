"""The rules of the tiers, each by itself and together; nobody lost, and no tier from scores that are not the student's own."""

import polars as pl
import pytest

from la_assets.mtss import checks
from la_assets.mtss.growth import growth
from la_assets.mtss.levels import cut_score_frame, with_levels
from la_assets.mtss.movement import tier_movement
from la_assets.mtss.schema import TIER_REASONS
from la_assets.mtss.tiers import below_mastery, tiers

from .made_up import CUTS, WINDOWS, Roster, frame, key, panel_of, score

NO_STANDARDS = {
    "student_key": pl.String, "assessment_id": pl.String, "subject": pl.String, "window": pl.String, "standard_code": pl.String,
    "mastery": pl.Float64, "points_earned": pl.Float64, "points_possible": pl.Float64, "is_imputed": pl.Boolean, "known_on": pl.Date,
}  # fmt: skip
NO_GROWTH = {
    "student_key": pl.String, "assessment_id": pl.String, "subject": pl.String, "from_window": pl.String, "to_window": pl.String,
    "growth_percentile": pl.Float64, "known_on": pl.Date,
}  # fmt: skip


def made(
    panel: pl.DataFrame,
    growths: list[tuple] | pl.LazyFrame = (),
    standards: list[tuple] = (),
    **options: object,  # type: ignore[assignment]
) -> pl.DataFrame:
    """``growths``: student, from, to, percentile; ``standards``: student, window, code, earned of 4 points, filled in."""
    if isinstance(growths, pl.LazyFrame):
        grown = growths
    else:
        grown = frame(NO_GROWTH, [(key(n), "FAST", "ELA", a, b, p, None) for n, a, b, p in growths])
    shares = frame(NO_STANDARDS, [(key(n), "FAST", "ELA", w, c, e / 4, e, 4.0, f, None) for n, w, c, e, f in standards])
    return (
        tiers(panel.lazy(), grown, shares, windows=WINDOWS, cuts=CUTS, **options).sort("student_key", "subject", "window_order").collect()
    )  # type: ignore[arg-type]


def one(level: int, percentile: float | None = None, below: int = 0) -> dict:
    """The tier after PM2 of a student with this level, growth from PM1 and standards below mastery of four."""
    panel = panel_of([score(1, "PM1", 200.0, level=level), score(1, "PM2", 210.0, level=level)], Roster().enrol([1]))
    growths = [(1, "PM1", "PM2", percentile)] if percentile is not None else []
    standards = [(1, "PM2", f"R.{i}", 1.0 if i < below else 4.0, False) for i in range(4)]
    return made(panel, growths, standards).filter(pl.col("window") == "PM2").row(0, named=True)


@pytest.mark.parametrize(
    ("level", "percentile", "below", "tier", "reasons"),
    [
        (1, None, 0, 3, ["level_1"]),
        (1, 99.0, 0, 3, ["level_1"]),
        (1, None, 3, 3, ["level_1", "standards_below_mastery"]),
        (2, 19.9, 0, 3, ["level_2_low_growth"]),
        (2, 20.0, 0, 2, ["level_2"]),
        (2, None, 0, 2, ["level_2"]),
        (2, 5.0, 2, 3, ["level_2_low_growth", "standards_below_mastery"]),
        (3, 19.9, 0, 2, ["level_3_low_growth"]),
        (3, 20.0, 0, 1, []),
        (3, None, 1, 1, []),
        (3, None, 2, 2, ["standards_below_mastery"]),
        (4, 1.0, 0, 1, []),
        (5, 50.0, 2, 2, ["standards_below_mastery"]),
    ],
)
def test_the_rules(level: int, percentile: float | None, below: int, tier: int, reasons: list[str]) -> None:
    row = one(level, percentile, below)
    assert (row["tier"], row["reasons"], row["status"]) == (tier, reasons, "tiered")
    assert set(reasons) <= set(TIER_REASONS)
    assert (row["standards_tested"], row["standards_below"]) == (4, below)


def test_standards_below_mastery_come_worst_first() -> None:
    rows = frame(
        NO_STANDARDS,
        [
            (key(1), "FAST", "ELA", "PM1", code, earned / possible, earned, possible, filled, None)
            for code, earned, possible, filled in [
                ("B", 1.0, 4.0, False), ("A", 1.0, 4.0, False), ("C", 0.0, 2.0, False), ("D", 0.0, 5.0, False), ("E", 2.0, 4.0, False),
                ("F", 0.0, 4.0, True),
            ]
        ],
    )  # fmt: skip
    found = below_mastery(rows, 0.5).collect().row(0, named=True)
    assert found["not_proficient_standards"] == ["D", "C", "A", "B"], "least share, then most points lost, then by code; half is mastery"
    assert (found["standards_tested"], found["standards_below"]) == (5, 4), "a filled-in share is no result"


def test_growth_from_the_last_window_the_student_was_tested_in() -> None:
    panel = panel_of([score(1, w, 210.0, level=2) for w in ("PM1", "PM2", "PM3")], Roster().enrol([1]))
    row = made(panel, [(1, "PM1", "PM3", 5.0), (1, "PM2", "PM3", 60.0)]).filter(pl.col("window") == "PM3").row(0, named=True)
    assert (row["growth_percentile"], row["growth_from_window"], row["tier"]) == (60.0, "PM2", 2)
    row = made(panel, [(1, "PM1", "PM3", 5.0)]).filter(pl.col("window") == "PM3").row(0, named=True)
    assert (row["growth_percentile"], row["growth_from_window"], row["tier"]) == (5.0, "PM1", 3)


def test_a_score_filled_in_from_peers_gives_no_tier() -> None:
    panel = panel_of([score(n, "PM1", 150.0, level=1) for n in range(1, 12)], Roster().enrol(range(1, 13)))
    row = made(panel).filter(pl.col("student_key") == key(12), pl.col("window") == "PM1").row(0, named=True)
    assert (row["status"], row["tier"], row["level"], row["scale_score"], row["reasons"]) == ("not tested", None, None, None, [])


def test_windows_without_results_have_a_status_and_a_year_without_spring_tests_says_so() -> None:
    panel = panel_of([score(1, w, 210.0, level=2) for w in ("PM1", "PM2")], Roster().enrol([1]))
    status = {row["window"]: row["status"] for row in made(panel).iter_rows(named=True)}
    assert status == {"PM1": "tiered", "PM2": "tiered", "PM3": "no results yet"}
    status = {row["window"]: row["status"] for row in made(panel, spring_tests=False).iter_rows(named=True)}
    assert status["PM3"] == "window cancelled"
    assert made(panel).filter("is_latest")["window"].to_list() == ["PM2"]


def test_tests_that_give_no_tiers_give_none_and_a_score_without_cuts_has_no_level() -> None:
    rows = [score(1, "fall", 200.0, assessment_id="MAP Growth"), score(2, "PM1", 200.0, grade_level="11")]
    found = made(panel_of(rows, Roster().enrol([1], section="E-4").enrol([2])))
    assert found.filter(pl.col("window") == "PM1").select("status", "tier").rows() == [("no achievement level", None)]
    assert "fall" not in found["window"].to_list()


@pytest.mark.parametrize(("points", "level"), [(205.9, 1), (206.0, 2), (219.9, 2), (220.0, 3), (232.0, 4), (246.0, 5), (300.0, 5)])
def test_a_score_at_a_cut_reaches_the_level(points: float, level: int) -> None:
    found = made(panel_of([score(1, "PM1", points)], Roster().enrol([1]))).row(0, named=True)
    assert (found["level"], found["level_source"], found["proficiency_cut"]) == (level, "cut scores", 220.0)


def test_cuts_that_name_the_window_go_before_those_that_name_the_grade() -> None:
    lowest = {"any": (1, 2, 3, 4), "grade": (10, 20, 30, 40), "window": (100, 200, 300, 400), "both": (5, 6, 7, 8)}
    cuts = [
        {"assessment_id": "FAST", "subject": "ELA", "grade_level": g, "window": w, "lowest": lowest[name]}
        for name, g, w in (("any", None, None), ("grade", "05", None), ("window", None, "PM1"), ("both", "06", "PM1"))
    ]
    rows = [("05", "PM1"), ("05", "PM2"), ("06", "PM1"), ("06", "PM2")]
    sat = pl.LazyFrame(
        [{"assessment_id": "FAST", "subject": "ELA", "grade_level": g, "window": w, "scale_score": 0.0, "level": None} for g, w in rows],
        schema_overrides={"level": pl.Int32},
    )
    assert with_levels(sat.with_row_index(), cut_score_frame(cuts)).sort("index").collect()["proficiency_cut"].to_list() == [
        200.0,
        20.0,
        6.0,
        2.0,
    ]


def test_the_sources_level_goes_before_the_cuts_and_a_contradiction_is_found() -> None:
    rows = [score(n, "PM1", 190.0, level=1) for n in range(1, 100)]
    panel = panel_of(rows, Roster().enrol(range(1, 100)))
    passed, _, counts = checks.levels_fit_the_cut_scores(made(panel).lazy(), panel.lazy(), CUTS)
    assert (passed, counts["differ"]) == (True, 0)
    wrong = panel.with_columns(level=pl.when(pl.col("student_key") <= key(3)).then(4).otherwise("level").cast(pl.Int32))
    found = made(wrong)
    assert found["level"].to_list().count(4) == 3
    assert not checks.levels_fit_the_cut_scores(found.lazy(), wrong.lazy(), CUTS)[0]


def three_windows() -> tuple[pl.DataFrame, pl.DataFrame]:
    levels = {1: (1, 2, 3), 2: (3, 3, 1), 3: (2, None, 2), 4: (None, 2, None), 5: (4, 4, 4)}
    rows = [
        score(n, window, 200.0, level=level)
        for n, by_window in levels.items()
        for window, level in zip(("PM1", "PM2", "PM3"), by_window, strict=True)
        if level
    ]
    panel = panel_of(rows, Roster().enrol(levels))
    return panel, made(panel)


def test_movement_between_windows_that_follow_each_other() -> None:
    _, tiered = three_windows()
    moves = tier_movement(tiered.lazy(), WINDOWS).sort("student_key", "from_window").collect()
    found = {(int(r["student_key"], 16), r["from_window"]): r["movement"] for r in moves.iter_rows(named=True)}
    assert found == {
        (1, "PM1"): "less support", (1, "PM2"): "less support", (2, "PM1"): "stayed", (2, "PM2"): "more support", (3, "PM1"): "left",
        (3, "PM2"): "entered", (4, "PM1"): "entered", (4, "PM2"): "left", (5, "PM1"): "stayed", (5, "PM2"): "stayed",
    }  # fmt: skip
    passed, _, _ = checks.movement_adds_up(moves.lazy(), tiered.lazy())
    assert passed
    assert not checks.movement_adds_up(moves.head(-1).lazy(), tiered.lazy())[0]


def test_that_a_student_left_is_known_when_the_later_window_is_over() -> None:
    _, tiered = three_windows()
    moves = tier_movement(tiered.lazy(), WINDOWS).collect()
    left = moves.filter(pl.col("movement") == "left", pl.col("to_window") == "PM2")
    assert left["known_on"].item() == tiered.filter(pl.col("window") == "PM2", pl.col("tier").is_not_null())["known_on"].max()


def test_one_window_has_no_movement() -> None:
    panel = panel_of([score(1, "EOC", 400.0, assessment_id="EOC", subject="Biology", level=3)], Roster().enrol([1]))
    assert tier_movement(made(panel).lazy(), WINDOWS).collect().is_empty()
    assert made(panel)["tier"].to_list() == [1]


def test_checks_see_a_lost_student_and_too_much_filled_in() -> None:
    panel, tiered = three_windows()
    assert checks.every_tested_student_has_a_tier(panel.lazy(), tiered.lazy(), WINDOWS)[0]
    assert not checks.every_tested_student_has_a_tier(panel.lazy(), tiered.filter(pl.col("student_key") != key(5)).lazy(), WINDOWS)[0]
    invented = tiered.with_columns(tier=pl.col("tier").fill_null(1))
    assert not checks.every_tested_student_has_a_tier(panel.lazy(), invented.lazy(), WINDOWS)[0]
    another = pl.when(pl.col("student_key") == key(5)).then(pl.lit(key(77))).otherwise("student_key")
    passed, words, counts = checks.every_tested_student_has_a_tier(panel.lazy(), tiered.with_columns(student_key=another).lazy(), WINDOWS)
    assert not passed, "one lost and one invented do not make up for each other"
    assert (counts["lost"], counts["not_tested"]) == (3, 3)
    assert "3 of them lost, 3 rows of nobody tested" in words
    half = panel_of([score(n, "PM1", 200.0) for n in range(1, 13)], Roster().enrol(range(1, 24)))
    assert checks.imputed_share(half.lazy(), 0.5)[0]
    passed, words, counts = checks.imputed_share(half.lazy(), 0.15)
    assert not passed
    assert "FAST ELA PM1" in words
    assert counts["highest_share"] == pytest.approx(11 / 23)
    assert checks.imputed_share(half.head(0).lazy(), 0.15)[0]
    passed, words, _ = checks.imputed_share(half.with_columns(is_final=pl.lit(True)).lazy(), 0.5)
    assert not passed
    assert "11 final scores are filled in" in words


def test_percentiles_off_centre_are_seen() -> None:
    rows = [score(n, w, 200.0 + n * g) for n in range(1, 131) for w, g in (("PM1", 1.0), ("PM2", 1.3))]
    grown = growth(panel_of(rows, Roster().enrol(range(1, 131))).lazy(), WINDOWS).collect()
    assert checks.growth_is_centred(grown.lazy())[0]
    assert not checks.growth_is_centred(grown.with_columns(growth_percentile=pl.col("growth_percentile") ** 0.5).lazy())[0]
    assert checks.growth_is_centred(grown.head(20).lazy())[1] == "too few students to judge"
