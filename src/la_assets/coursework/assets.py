"""The coursework assets: marks, and what they add up to in a year."""

import polars as pl

from la_assets.coursework import grades as marks
from la_assets.coursework import student_years
from la_assets.coursework.schema import GRADES, STUDENT_YEAR
from la_assets.landing.schema import GRADES_POSTED
from la_assets.roster.schema import IDENTIFIERS, SECTIONS
from la_assets.yearly_tables import Year, yearly_table


@yearly_table(GRADES, inputs=(GRADES_POSTED, IDENTIFIERS, SECTIONS))
def grades(year: Year) -> pl.LazyFrame:
    """A mark of a student in a section for a grading period.

    **From** `landing.grades`, with course, subject, level and school of the section from `roster.sections`. A mark posted again
    replaces the earlier one. Impossible marks (grade points outside 0 to 5) are in quarantine, not here.

    **Fresh** a few days after a grading period ends: `known_on` is the day of posting.

    **If it fails**, the message names the column and the key. Missing subjects mean that the section is not in the roster.
    """
    return marks.grades(year[GRADES_POSTED], year[IDENTIFIERS], year[SECTIONS])


@yearly_table(STUDENT_YEAR, inputs=(GRADES,))
def student_year(year: Year) -> pl.LazyFrame:
    """A student's marks of a school year: grade point average, credits attempted and earned, Ds and Fs.

    **From** `coursework.grades`, all grading periods posted so far. `known_on` is the newest mark's. For a value as of an
    earlier day, add up `coursework.grades` known by then.

    **Fresh** with `coursework.grades`. **It fails** only with its input.
    """
    return student_years.student_year(year[GRADES])
