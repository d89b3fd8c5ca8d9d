"""The subject of a course or section, from SCED codes, subject texts and titles.

Codes are those of the School Courses for the Exchange of Data (NCES, SCED): the first two digits are the subject area, five digits the
course. Texts and titles are matched by words of the field. A district's own translation goes before both.
"""

from collections.abc import Mapping, Sequence

import polars as pl

SCED_COURSES = {"02052": "Algebra 1", "02072": "Geometry", "03051": "Biology"}

SCED_AREAS = {
    "01": "ELA",
    "02": "Math",
    "03": "Science",
    "04": "Social Studies",
    "05": "Arts",
    "06": "World Languages",
    "24": "World Languages",
    "08": "PE",
    **dict.fromkeys(("09", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20", "21"), "Career"),
    "07": "Other",
    "22": "Other",
    "23": "Other",
}
"""SCED subject areas; 06 is the older code of world languages, 24 the current one."""

WORDS = (
    (r"\b(algebra (1|i))\b", "Algebra 1"),
    (r"\bgeometry\b", "Geometry"),
    (r"\bbiology\b", "Biology"),
    (r"\b(spanish|french|german|latin|mandarin|chinese|world lang\w*|foreign lang\w*|sign language)\b", "World Languages"),
    (r"\b(ela|english|language arts|reading|writing|literature|literacy)\b", "ELA"),
    (r"\b(math\w*|algebra|calculus|statistics|trigonometry|precalculus|arithmetic)\b", "Math"),
    (r"\b(computer science|career\w*|cte|business|marketing|engineering|technology|culinary|agri\w*)\b", "Career"),
    (r"\b(social studies|social sciences?|history|civics|government|geography|economics|psychology)\b", "Social Studies"),
    (r"\b(science|chemistry|physics|anatomy|earth|environmental)\b", "Science"),
    (r"\b(pe|physical education|health|hope)\b", "PE"),
    (r"\b(arts?|music|band|chorus|choir|orchestra|theat(er|re)|drama|dance|drawing|painting)\b", "Arts"),
    (r"\b(homeroom|study hall|advisory|elective)\b", "Other"),
)
"""Words of subject texts and titles, in order: the first that is found decides."""


def subject_of_code(codes: pl.Expr) -> pl.Expr:
    """The subject of the first SCED code of a list such as ``02052,02053``; null where it is not one.

    Five digits and then no sixth: a longer number is a state's or a district's own code.
    """
    digits = codes.str.extract(r"^\D*(\d{5})(?:\D|$)", 1)
    return pl.coalesce(_translated(digits, SCED_COURSES), _translated(digits.str.slice(0, 2), SCED_AREAS))


def subject_of_text(text: pl.Expr) -> pl.Expr:
    """The subject of a text or title; null where no word is known."""
    lower = text.str.to_lowercase()
    return pl.coalesce(pl.when(lower.str.contains(words)).then(pl.lit(subject)) for words, subject in WORDS)


def subject(codes: Sequence[str], texts: Sequence[str], translations: Mapping[str, str]) -> pl.Expr:
    """The subject from columns with codes and texts, the first that is understood.

    Parameters
    ----------
    codes, texts : sequence of str
        Columns with SCED codes, and with subjects as sent or titles, the better source first.
    translations : mapping
        The district's own codes and texts, lower case, to subjects; they go before everything else.
    """
    own = [_translated(pl.col(name).str.strip_chars().str.to_lowercase(), translations) for name in (*codes, *texts)]
    return pl.coalesce(*own, *(subject_of_code(pl.col(name)) for name in codes), *(subject_of_text(pl.col(name)) for name in texts))


def _translated(text: pl.Expr, translation: Mapping[str, str]) -> pl.Expr:
    return text.replace_strict(list(translation), list(translation.values()), default=None, return_dtype=pl.String)


def course_level(*titles: str) -> pl.Expr:
    """The level that a title tells (AP, IB, dual, honors); null where it tells none."""
    words = (
        (r"\b(ap|advanced placement)\b", "AP"),
        (r"\b(ib|international baccalaureate)\b", "IB"),
        (r"\b(dual enrollment|dual)\b", "dual"),
        (r"\b(honors|hon|hnrs)\b", "honors"),
    )
    found = [
        pl.when(pl.col(title).str.to_lowercase().str.contains(pattern)).then(pl.lit(level)) for pattern, level in words for title in titles
    ]
    return pl.coalesce(*found)
