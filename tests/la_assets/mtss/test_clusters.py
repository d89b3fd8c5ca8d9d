"""Clusters that are there are found, clusters that are not there are not told of, and a label keeps its meaning over the years."""

import datetime as dt
import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from la_assets.mtss import checks
from la_assets.mtss.cluster_choice import adjusted_rand_index, choose, elbows
from la_assets.mtss.cluster_features import NUMERIC, Scaling, cluster_features
from la_assets.mtss.cluster_fits import assigned_clusters, cluster_fits
from la_assets.mtss.cluster_labels import follow, labels_of_last
from la_assets.mtss.cluster_profiles import cluster_names, cluster_profiles
from la_assets.mtss.pictures import profile_heat_map, tier_counts, tiers_by_window

from .made_up import ARRIVED, key

CATEGORICAL = ("ell", "ese", "frl", "gender", "grade_level")
KNOWN = dt.date(2025, 5, 20)


def students(seed: int, centres: dict[str, tuple[float, float, float, float]], each: int, *, tier: int = 3, first: int = 0) -> pl.DataFrame:
    """Feature rows around given means of score, growth, attendance and GPA; ``ell`` kinds are English learners."""
    random = np.random.RandomState(seed)
    spread = np.array([0.25, 6.0, 0.012, 0.2])
    rows = []
    for kind, mean in centres.items():
        for values in np.array(mean) + random.randn(each, 4) * spread:
            score, growth, attendance, gpa = values
            rows.append(
                {
                    "student_key": key(first + len(rows)), "subject": "ELA", "tier": tier, "window": "PM2", "grade_level": "05",
                    "school_id": "S", "score": score, "growth_percentile": float(np.clip(growth, 0, 100)),
                    "attendance_rate": float(np.clip(attendance, 0, 1)), "gpa": float(np.clip(gpa, 0, 4)),
                    "ell": "yes" if kind.startswith("ell") else "no", "ese": "no", "frl": "yes",
                    "gender": ["Female", "Male"][len(rows) % 2],
                    "race_ethnicity": "not used", "known_on": KNOWN, "loaded_at": ARRIVED, "source": "mtss", "kind": kind,
                }
            )  # fmt: skip
    return pl.DataFrame(rows, schema_overrides={"tier": pl.Int32})


KINDS = {"absent": (-1.0, 50.0, 0.80, 1.0), "slow": (-1.0, 12.0, 0.95, 2.4), "ell fast": (-1.6, 80.0, 0.95, 2.0)}
SETTINGS = {"seed": 1, "starts": 3, "resamples": 5}


def fitted(features: pl.DataFrame, year: str = "2024-25") -> pl.DataFrame:
    rows = cluster_fits(features.drop("kind"), categorical=CATEGORICAL, settings=SETTINGS)
    return rows.with_columns(school_year=pl.lit(year))


def test_planted_kinds_are_found_and_named_by_what_sets_them_apart() -> None:
    features = students(1, KINDS, 60)
    fits = fitted(features)
    row = fits.filter(pl.col("tier") == 3).row(0, named=True)
    assert (row["status"], row["clusters"], row["students"]) == ("fitted", 3, 180)
    assert row["stability"] > 0.95
    named = cluster_names(assigned_clusters(features, fits), labels_of_last(fits, "2024-25"))
    together = named.group_by("kind").agg(pl.col("cluster").n_unique().alias("clusters"), pl.col("cluster").first())
    assert together["clusters"].to_list() == [1, 1, 1]
    below = features.select("student_key", "subject", pl.lit(["R.1", "R.2"]).alias("not_proficient_standards"))
    profiles = cluster_profiles(named, below)
    of_kind = dict(together.select("kind", "cluster").iter_rows())
    names = dict(profiles.select("cluster", "cluster_name").iter_rows())
    assert names[of_kind["absent"]] == "low attendance and lower marks"
    assert "slow growth" in names[of_kind["slow"]]
    learners = profiles.filter(pl.col("cluster") == of_kind["ell fast"]).row(0, named=True)
    assert (learners["ell"], learners["students"], learners["share"]) == (1.0, 60, pytest.approx(1 / 3))
    assert "many English learners (100%)" in learners["profile"]
    assert learners["reteach_standards"] == ["R.1", "R.2"]
    assert of_kind["ell fast"] == "A", "the first year's letters rise with the score"


def test_a_group_that_is_one_cloud_has_no_grouping_to_tell_of() -> None:
    features = students(2, {"all": (-1.0, 50.0, 0.93, 2.0)}, 150)
    row = fitted(features).filter(pl.col("tier") == 3).row(0, named=True)
    assert (row["status"], row["clusters"], row["model"]) == ("no stable grouping", 1, None)
    assert row["stability"] < 0.7
    assert len(json.loads(row["curve"])) == 8


def test_fewer_than_ten_students_are_not_clustered_and_an_empty_tier_says_so() -> None:
    features = students(3, KINDS, 3)
    fits = fitted(features)
    assert dict(fits.select("tier", "status").iter_rows()) == dict.fromkeys((1, 2, 3), "too few students")
    assert fits["known_on"].null_count() == 0
    assigned = assigned_clusters(features, fits)
    assert set(assigned["status"]) == {"too few students"}
    none = pl.lit([], pl.List(pl.String)).alias("not_proficient_standards")
    profiles = cluster_profiles(cluster_names(assigned, {}), features.select("student_key", "subject", none))
    assert profiles.select("cluster", "students", "cluster_name", "status").rows() == [("none", 9, None, "too few students")]


def test_a_cluster_that_has_shrunk_since_the_fit_tells_of_no_student() -> None:
    features = students(1, KINDS, 60)
    fits = fitted(features)
    left = features.filter((pl.col("kind") != "slow") | (pl.col("student_key").rank("dense").over("kind") <= 3))
    assigned = assigned_clusters(left, fits.with_columns(loaded_at=pl.col("loaded_at") + dt.timedelta(days=9)))
    named = cluster_names(assigned, labels_of_last(fits, "2024-25"))
    below = left.select("student_key", "subject", pl.lit(["R.1"]).alias("not_proficient_standards"))
    profiles = cluster_profiles(named, below).sort("students")
    small, others = profiles.row(0, named=True), profiles.slice(1)
    assert (small["students"], small["status"], small["reteach_standards"]) == (3, "clustered", [])
    assert {small[c] for c in ("gpa", "score", "ell", "female", "cluster_name", "profile")} == {None}
    assert others.select("gpa", "profile").null_count().row(0) == (0, 0)
    assert set(profiles["loaded_at"]) == {ARRIVED + dt.timedelta(days=9)}, "known no earlier than the model"


def test_students_alike_in_every_number_are_said_to_be_alike() -> None:
    same = students(1, {"all": KINDS["slow"]}, 30).with_columns(
        score=pl.lit(-1.0), growth_percentile=pl.lit(50.0), attendance_rate=pl.lit(0.9), gpa=pl.lit(2.0)
    )
    assert fitted(same).filter(pl.col("tier") == 3)["status"].item() == "nothing varies"


def test_no_number_of_clusters_is_chosen_that_leaves_one_too_small() -> None:
    features = pl.concat([students(4, {"absent": KINDS["absent"]}, 90), students(5, {"slow": KINDS["slow"]}, 6, first=90)])
    row = fitted(features).filter(pl.col("tier") == 3).row(0, named=True)
    chosen = {p["clusters"]: p["smallest"] for p in json.loads(row["curve"])}
    assert chosen[2] == 6, "the six are a cluster of their own"
    assert row["status"] == "no stable grouping" or chosen[row["clusters"]] >= 10


@pytest.mark.parametrize(("numbers", "status"), [(np.zeros((30, 0)), "nothing varies"), (np.zeros((30, 2)), "nothing varies")])
def test_features_that_do_not_vary_make_no_clusters(numbers: np.ndarray, status: str) -> None:
    assert choose(numbers, np.zeros((30, 1), np.int32)).status == status


def test_constant_and_missing_features_drop_out_and_a_missing_value_stands_at_the_mean() -> None:
    features = students(6, KINDS, 20).with_columns(
        gpa=pl.lit(None, pl.Float64), attendance_rate=pl.lit(0.9), score=pl.when(pl.col("student_key") != key(0)).then("score")
    )
    scaling = Scaling.of(features, ("ell",))
    assert [name for name, _, _ in scaling.numeric] == ["score", "growth_percentile"]
    numbers, codes = scaling.matrix(features)
    assert numbers[0, 0] == 0.0
    assert not np.isnan(numbers).any()
    assert numbers[1:].std(axis=0) == pytest.approx([1, 1], abs=0.02)
    assert Scaling.from_json(json.loads(json.dumps(scaling.as_json()))) == scaling
    unseen = scaling.matrix(features.with_columns(ell=pl.lit("not said")))[1]
    assert set(unseen[:, 0]) == {-1}
    assert set(codes[:, 0]) == {0, 1}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=60))
def test_the_adjusted_rand_index_is_that_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    from sklearn.metrics import adjusted_rand_score  # here: it takes a second to load

    one, other = (np.array(labels, np.int32) for labels in zip(*pairs, strict=True))
    assert adjusted_rand_index(one, other) == pytest.approx(adjusted_rand_score(one, other), abs=1e-12)


def test_the_elbow_is_where_the_curve_bends_most() -> None:
    bends = elbows([1, 2, 3, 4, 5], [100.0, 50.0, 20.0, 15.0, 10.0])
    assert int(np.argmax(bends)) == 2
    assert bends[0] == bends[-1] == 0.0
    assert elbows([1, 2], [5.0, 1.0]) == [0.0, 0.0]
    assert elbows([1, 2, 3], [5.0, 5.0, 5.0]) == [0.0] * 3


def models_of(years: dict[str, pl.DataFrame]) -> pl.DataFrame:
    return pl.concat([fitted(features, year) for year, features in years.items()])


def letters(features: pl.DataFrame, fits: pl.DataFrame, year: str) -> dict[str, str]:
    named = cluster_names(assigned_clusters(features, fits.filter(pl.col("school_year") == year)), labels_of_last(fits, year))
    return dict(named.group_by("kind").agg(pl.col("cluster").mode().first()).iter_rows())


def test_a_label_means_the_same_kind_from_year_to_year_though_order_and_scores_shift() -> None:
    later = {"slow": (-1.7, 14.0, 0.95, 2.3), "ell fast": (-1.3, 78.0, 0.94, 2.1), "absent": (-1.1, 52.0, 0.81, 1.1)}
    years = {"2022-23": students(1, KINDS, 60), "2023-24": students(2, later, 50)}
    fits = models_of(years)
    first = letters(years["2022-23"], fits.filter(pl.col("school_year") == "2022-23"), "2022-23")
    assert letters(years["2023-24"], fits, "2023-24") == first
    assert len(set(first.values())) == 3


def test_a_new_kind_gets_a_new_letter_and_an_old_one_can_come_back_with_its_own() -> None:
    new = {"absent": KINDS["absent"], "slow": KINDS["slow"], "brilliant": (2.5, 95.0, 0.99, 3.9)}
    years = {"2021-22": students(1, KINDS, 60), "2022-23": students(2, new, 60), "2023-24": students(3, KINDS, 60)}
    fits = models_of(years)
    one, two, three = (letters(years[y], fits.filter(pl.col("school_year") <= y), y) for y in years)
    assert two["absent"] == one["absent"]
    assert two["slow"] == one["slow"]
    assert two["brilliant"] == "D", "not the letter of the kind that is gone"
    assert three == one
    labels = labels_of_last(fits, "2023-24")[("ELA", 3)]
    assert {label.letter: label.continues_from for label in labels}[one["ell fast"]] == "2021-22"


def test_labels_do_not_depend_on_later_years() -> None:
    years = {"2021-22": students(1, KINDS, 60), "2022-23": students(2, KINDS, 40)}
    fits = models_of(years)
    alone = follow(fits.filter(pl.col("school_year") == "2021-22", pl.col("tier") == 3).iter_rows(named=True))
    assert labels_of_last(fits, "2021-22") == {("ELA", 3): alone}
    assert labels_of_last(fits.filter(pl.col("tier") == 1), "2022-23") == {}


def test_students_without_a_model_of_the_quarter_say_so() -> None:
    features = students(1, KINDS, 20)
    assert set(assigned_clusters(features, fitted(features).clear())["status"]) == {"not fitted yet"}
    assert assigned_clusters(features.clear(), fitted(features)).is_empty()


def test_the_model_of_a_row_puts_everyone_where_the_fit_did_and_a_rerun_is_the_same() -> None:
    features = students(1, KINDS, 60)
    one, two = fitted(features), fitted(features.sample(fraction=1.0, shuffle=True, seed=1))
    assert one.equals(two), "the order of the rows does not matter"
    sizes = assigned_clusters(features, one).group_by("number").len()["len"].to_list()
    assert sorted(sizes) == [60, 60, 60]
    manifest = json.loads(one.filter(pl.col("tier") == 3)["manifest"].item())
    assert {"features", "settings", "data", "libraries"} == manifest.keys()


def test_features_are_relative_to_grade_and_window_and_only_the_newest_tier_counts() -> None:
    rows = [
        {"student_key": key(n), "subject": "ELA", "window": window, "grade_level": grade, "school_id": "S", "status": "tiered", "tier": 2,
         "is_latest": window == "PM2", "scale_score": float(base + n % 3), "growth_percentile": 30.0, "known_on": KNOWN,
         "loaded_at": ARRIVED}
        for n, grade, base in [(1, "05", 200), (2, "05", 200), (3, "05", 200), (4, "06", 300), (5, "06", 300), (6, "06", 300)]
        for window in ("PM1", "PM2")
    ]  # fmt: skip
    person = {"student_key": [key(n) for n in range(1, 6)], "ell": [True, False, None, False, False], "ese": [False] * 5, "frl": [True] * 5,
              "gender": ["Female"] * 4 + [None], "race_ethnicity": ["White"] * 5}  # fmt: skip
    lineage = {"known_on": [dt.date(2025, 6, 1)], "loaded_at": [ARRIVED]}
    present = pl.LazyFrame({"student_key": [key(1)], "rate": [0.9]} | lineage)
    marks = pl.LazyFrame({"student_key": [key(1)], "gpa": [3.0]} | lineage)
    found = cluster_features(pl.LazyFrame(rows), pl.LazyFrame(person), present, marks).sort("student_key").collect()
    assert found.height == 6
    fifth, sixth = (sorted(found.filter(pl.col("grade_level") == grade)["score"]) for grade in ("05", "06"))
    assert fifth == pytest.approx(sixth)
    assert found["ell"].to_list() == ["yes", "no", "not said", "no", "no", "not said"]
    assert found["gender"].to_list()[-2:] == ["not said", "not said"]
    assert set(found["race_ethnicity"]) == {"not used"}
    assert found.row(0, named=True)["known_on"] == dt.date(2025, 6, 1), "marks and attendance of the year are known later"
    switched_on = cluster_features(pl.LazyFrame(rows), pl.LazyFrame(person), present, marks, with_race_ethnicity=True).collect()
    assert set(switched_on["race_ethnicity"]) == {"White", "not said"}
    assert set(NUMERIC) <= set(found.columns)


def test_checks_see_unstable_models_and_lost_students() -> None:
    features = students(1, KINDS, 60)
    fits = fitted(features)
    assert checks.clusters_are_stable(fits.lazy(), 0.7)[0]
    assert not checks.clusters_are_stable(fits.with_columns(stability=pl.lit(0.5)).lazy(), 0.7)[0]
    assert not checks.clusters_are_stable(fits.with_columns(status=pl.lit("no stable grouping")).lazy(), 0.7)[0]
    named = cluster_names(assigned_clusters(features, fits), labels_of_last(fits, "2024-25"))
    assert checks.every_student_is_in_the_clusters(features.lazy(), named.lazy())[0]
    assert not checks.every_student_is_in_the_clusters(features.lazy(), named.head(-1).lazy())[0]
    doubled = pl.concat([named.head(-1), named.head(1)])
    assert not checks.every_student_is_in_the_clusters(features.lazy(), doubled.lazy())[0], "as many rows, one student lost"
    assert not checks.every_student_is_in_the_clusters(features.lazy(), named.with_columns(cluster=pl.lit(None, pl.String)).lazy())[0]


def test_no_picture_shows_fewer_than_ten_students() -> None:
    tiered = pl.DataFrame({"subject": ["ELA"] * 14, "window": ["PM1"] * 14, "window_order": [1] * 14, "tier": [3] * 10 + [1] * 4})
    counts = tier_counts(tiered)
    assert counts.select("tier", "students").rows() == [(3, 10)]
    assert tiers_by_window(counts).axes[0].containers[0][0].get_height() == 0
    features = students(1, KINDS, 60)
    fits = fitted(features)
    named = cluster_names(assigned_clusters(features, fits), labels_of_last(fits, "2024-25"))
    below = features.select("student_key", "subject", pl.lit(["R.1"]).alias("not_proficient_standards"))
    profiles = cluster_profiles(named, below).with_columns(students=pl.Series([60, 9, 60], dtype=pl.Int32))
    assert len(profile_heat_map(profiles).axes[0].get_yticklabels()) == 2
    assert profile_heat_map(profiles.clear()).axes[0].texts[0].get_text() == "no clusters"
