"""Source definitions: the YAML format that says how a file of the landing zone becomes rows of landing tables.

A definition names the files it reads (first folder and glob patterns), how they are written (CSV or Parquet), from what
part of their *content* the school year is taken, and which columns feed which landing table. Vendor definitions ship as
``vendors/*.yaml`` next to this module; a district adds its own folder. Types, ranges and option sets are not
repeated here: they come from the contract of the landing table. This module parses and checks the YAML and matches file
names; it reads no data file.

A small, complete example::

    name: sis_attendance
    source: sis                              # first folder below the landing zone's root
    patterns: [attendance/*.csv]             # below that folder; case does not matter; matches inside zips too
    year: {date: ATT_DATE, formats: ["%m/%d/%Y"]}
    year_in_name: '(\\d{4}-\\d{2})'            # a file whose name disagrees with its content is quarantined whole
    records:
      - table: landing.attendance
        key: [student_key, school_id, date]
        columns:
          student_key: {from: STUDENT_NUMBER, person: student}
          school_id: SCHOOL_NO               # short for {from: [SCHOOL_NO]}
          date: {from: ATT_DATE, formats: ["%m/%d/%Y"]}
          absent: {from: ABS_CODE, values: {A: "1", H: "0.5", "*": "0"}}
          excused: {from: EXC, default: "false"}
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

SHIPPED = Path(__file__).parent / "vendors"
OPTION_SETS = Path(__file__).parent / "option_sets.yaml"
NULL_TOKENS = ("NA", "N/A", "NULL", "--", "---")
SPAN_FORMATS = ("2023-24", "2023-2024", "2023_2024", "2023/24", "Fall 2021-2022")
"""Spellings of a school year that name both calendar years; all are read the same way, wherever they stand in the text."""


class DefinitionError(ValueError):
    """A source definition is wrong; the message names the file, the definition and the field."""


def _listed(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else (value,)


Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]
"""One text or a list of texts."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Condition(_Strict):
    """A test on one column of the source row.

    Attributes
    ----------
    column : tuple of str
        Header aliases; a file without any of them fails the condition's definition (the whole file is quarantined).
    is_, is_not : tuple of str
        Values (case-insensitive, trimmed) of which one must, or none may, stand in the column.
    matches : str
        A regular expression searched in the value, case-insensitive.
    blank : bool
        Whether the value must be blank (true) or must not be (false).
    """

    column: Names
    is_: Annotated[tuple[str, ...], BeforeValidator(lambda v: tuple(str(x) for x in _listed(v)))] = Field((), alias="is")
    is_not: Annotated[tuple[str, ...], BeforeValidator(lambda v: tuple(str(x) for x in _listed(v)))] = ()
    matches: str = ""
    blank: bool | None = None

    @field_validator("matches")
    @classmethod
    def _compiles(cls, value: str) -> str:
        return _regex(value)


class Threshold(_Strict):
    """Turn a number into one of two texts: ``then`` where it is over ``above``, ``otherwise`` where it is not (or blank)."""

    above: float
    then: str
    otherwise: str

    @field_validator("then", "otherwise", mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        return _as_text(value)


class ColumnRule(_Strict):
    """How one column of a landing table is filled. A bare text or list in the YAML is short for ``{from: ...}``.

    The steps, in order: pick the text (``from``, then ``or_from`` where blank, else ``const``), null tokens become
    null, ``extract``, ``option_set`` and ``values``, ``threshold``, ``default``, then the type and rules of the table's contract,
    then ``exclusive_end``, last ``person``.

    Attributes
    ----------
    from_ : tuple of str
        Header aliases; the first that the file has is used. Headers match regardless of case, blanks and underscores;
        an alias that starts with ``~`` is a regular expression for the whole header. ``{n}`` in an alias stands for the
        number of the block of a repeated record.
    or_from : tuple of str
        Further columns, each used where the ones before are blank (an id that may stand in one of several columns).
    const : str
        A fixed text. ``{school_year}``, ``{year_start}`` and ``{year_end}`` are replaced by the row's year.
    from_name : str
        A regular expression searched in the file's path; its first group is the text. Used where the columns are blank or absent.
    default : str
        Used where the text is blank after translation; the same places as in ``const``.
    required : bool
        The file must have the column and the row a value, even where the contract allows null. Columns that the contract
        makes non-null are always required.
    formats : tuple of str
        Date formats (strptime), tried in order. Default: ISO dates and timestamps.
    extract : str
        A regular expression whose first group replaces the text (blank if it does not match).
    option_set : str
        A shipped translation: grade_levels, genders, race_ethnicity, subjects (see ``option_sets.yaml``).
    values : dict
        Translation of texts, case-insensitive; null maps to blank; ``"*"`` stands for any text not listed.
        Without ``"*"`` a text that is not listed stays as it is and must suit the contract.
    threshold : Threshold
        Number to text.
    null_tokens : tuple of str
        Texts that mean blank in this column, besides the definition's.
    block : bool
        The column is part of a repeated block (see ``Record.repeat``): the n-th column of that name is used.
    person : "student" or "staff"
        The text is a person's id and is replaced by its key.
    person_role_from : str
        The person's kind follows this column: ``student`` is a student, any other role a member of staff.
    exclusive_end : bool
        The date is the first day after; the day before is landed.
    """

    from_: Names = Field((), alias="from")
    or_from: Names = ()
    const: str | None = None
    from_name: str = ""
    default: str | None = None
    required: bool = False
    formats: Names = ()
    extract: str = ""
    option_set: str = ""
    values: dict[str, str | None] = Field(default_factory=dict)
    threshold: Threshold | None = None
    null_tokens: Names = ()
    block: bool = False
    person: Literal["student", "staff"] | None = None
    person_role_from: str = ""
    exclusive_end: bool = False

    @field_validator("const", "default", mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        return _as_text(value)

    @field_validator("values", mode="before")
    @classmethod
    def _texts(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {str(_as_text(k)): _as_text(v) for k, v in value.items()}

    @field_validator("extract", "from_name")
    @classmethod
    def _one_group(cls, value: str) -> str:
        if value and re.compile(_regex(value)).groups < 1:
            raise ValueError(f"{value!r} needs a group in parentheses: the part of the text to take")
        return value

    @field_validator("option_set")
    @classmethod
    def _known_set(cls, value: str) -> str:
        if value and value not in option_sets():
            raise ValueError(f"{value!r} is not an option set; there are {', '.join(sorted(option_sets()))}")
        return value

    @model_validator(mode="after")
    def _has_origin(self) -> ColumnRule:
        if not (self.from_ or self.const is not None or self.from_name or self.default is not None):
            raise ValueError("says nothing of where the value comes from: give from, const, from_name or default")
        if self.const is not None and self.from_:
            raise ValueError("const and from exclude each other; use default for a value where the column is blank")
        if self.person and self.person_role_from:
            raise ValueError("person and person_role_from exclude each other")
        return self

    @property
    def translation(self) -> dict[str, str | None]:
        """The option set with the definition's own values over it, keys lower case."""
        shipped = option_sets()[self.option_set] if self.option_set else {}
        return {k.strip().lower(): v for k, v in (shipped | self.values).items()}


def _column_rule(value: Any) -> Any:
    return {"from": value} if isinstance(value, str | list) else value


class Record(_Strict):
    """One record set: what each source row contributes to one landing table.

    Attributes
    ----------
    table : str
        The landing table, e.g. ``landing.attendance``.
    columns : dict
        Target column to :class:`ColumnRule`. Nullable columns of the table may be left out.
    key : tuple of str
        Target columns that identify a row; none may be blank.
    where : tuple of Condition
        The row gives a record only if all hold.
    only_if : tuple of str
        The row gives a record only if these target columns are not blank (a test not taken, an empty block).
    if_header : tuple of str
        The set is used only for files that have one of these headers (one definition for several layouts).
    once : bool
        Only the first row of each key and year gives a record (the school that every student's row repeats). The other rows
        still count as loaded.
    repeat : int
        The most blocks of repeated columns in a row; each block gives a record. Columns of the block are marked ``block: true``.
    """

    table: str
    columns: dict[str, Annotated[ColumnRule, BeforeValidator(_column_rule)]]
    key: Names = ()
    where: Annotated[tuple[Condition, ...], BeforeValidator(_listed)] = ()
    only_if: Names = ()
    if_header: Names = ()
    once: bool = False
    repeat: int = Field(0, ge=0, le=500)

    @model_validator(mode="after")
    def _names_exist(self) -> Record:
        for what, names in (("key", self.key), ("only_if", self.only_if)):
            if unknown := [n for n in names if n not in self.columns]:
                raise ValueError(f"{what} names {unknown}, which {self.table} does not fill; it fills {sorted(self.columns)}")
        if self.once and not self.key:
            raise ValueError("once needs a key: the columns of which each combination is landed once")
        if self.repeat and not any(rule.block for rule in self.columns.values()):
            raise ValueError("repeat is set but no column is marked block: true")
        if not self.repeat and any(rule.block for rule in self.columns.values()):
            raise ValueError("a column is marked block: true but repeat is not set")
        return self


class YearRule(_Strict):
    """Where the school year of a row comes from: a date, a column that names the year, or the OneRoster bundle.

    Attributes
    ----------
    date : tuple of str
        Header aliases of a date column; the year runs from 1 July to 30 June.
    formats : tuple of str
        Formats of that date; ISO if left out.
    column : tuple of str
        Header aliases of a column that names the year.
    format : str
        ``end_year`` (2024 is 2023-24), ``start_year`` (2023 is 2023-24), or a spelling with both years such as ``2023_2024``.
    bundle : str
        ``oneroster``: the year of the bundle's academicSessions.
    """

    date: Names = ()
    formats: Names = ()
    column: Names = ()
    format: Literal["end_year", "start_year", "2023-24", "2023-2024", "2023_2024", "2023/24", "Fall 2021-2022"] = "2023-24"
    bundle: Literal["", "oneroster"] = ""

    @model_validator(mode="after")
    def _one_way(self) -> YearRule:
        if sum(map(bool, (self.date, self.column, self.bundle))) != 1:
            raise ValueError("give exactly one of date, column, bundle")
        return self


class Refusal(_Strict):
    """Columns in which whoever wrote the file says that a row is unfit: ``rule`` why, in few words, and ``value`` details.

    A row with a text in ``rule`` goes into quarantine with it and is not looked at further.
    """

    rule: Names
    value: Names


class SourceDefinition(_Strict):
    """One kind of file and the rows it holds.

    Attributes
    ----------
    name : str
        Unique name.
    description : str
        What the file is and where it comes from.
    row_source : str
        The text of the column ``source`` in the rows; the definition's name if blank.
    source : tuple of str
        First folder(s) of the landing path.
    patterns : tuple of str
        Globs below that folder, case-insensitive; ``*`` stops at a slash, ``**`` does not. A pattern without a slash
        matches in any subfolder, and members of zips as ``archive.zip!folder/member.csv`` by their own path or name.
    companions : tuple of str
        Globs of files that are read along with these and not landed themselves (a bundle's manifest).
    format, delimiter, encoding
        How the file is written; encoding ``auto`` takes a byte-order mark, else UTF-8, else Windows-1252 row by row.
    null_tokens : tuple of str
        Texts that mean blank, besides the empty text; case-insensitive.
    year : YearRule
        The row's school year.
    multi_year : bool
        Whether one file legitimately holds several years; otherwise rows outside the file's majority year are quarantined.
    year_in_name : str
        A regular expression with one group that finds a school year in the path (2023-24, 2023-2024, 2023_24). A file whose content's
        majority year differs is quarantined whole.
    skip_when : tuple of Condition
        Rows for which any holds are counted as skipped: not wanted, not wrong.
    refused : Refusal, optional
        Columns that say that a row is unfit already in the file.
    records : tuple of Record
        What a row contributes. A row that contributes to no record set is quarantined.
    """

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    description: str = ""
    row_source: str = ""
    source: Names
    patterns: Names
    companions: Names = ()
    format: Literal["csv", "parquet"] = "csv"
    delimiter: str = Field(",", min_length=1, max_length=1)
    encoding: str = "auto"
    null_tokens: Names = NULL_TOKENS
    year: YearRule
    multi_year: bool = False
    year_in_name: str = ""
    skip_when: Annotated[tuple[Condition, ...], BeforeValidator(_listed)] = ()
    refused: Refusal | None = None
    records: tuple[Record, ...] = Field(min_length=1)

    @field_validator("year_in_name")
    @classmethod
    def _one_group(cls, value: str) -> str:
        if value and re.compile(_regex(value)).groups != 1:
            raise ValueError(f"{value!r} needs exactly one group in parentheses: the year")
        return value

    @property
    def lineage(self) -> str:
        return self.row_source or self.name

    def claims(self, path: str) -> bool:
        """Whether a file of the landing zone (path below its root, ``zip!member`` for members) is of this kind."""
        return self._names(path, self.patterns)

    def accompanies(self, path: str) -> bool:
        """Whether a file is read along with files of this kind and not landed itself."""
        return self._names(path, self.companions)

    def _names(self, path: str, patterns: Iterable[str]) -> bool:
        folder, _, below = path.replace("\\", "/").partition("/")
        if folder.lower() not in {s.lower() for s in self.source}:
            return False
        inner = below.rsplit("!", 1)[-1]
        candidates = {below, inner, inner.rsplit("/", 1)[-1]}
        return any(_glob(pattern).fullmatch(name) for pattern in patterns for name in candidates)


def _as_text(value: Any) -> Any:
    """In a translation given from Python, booleans and numbers stand for their texts."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def _regex(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"{value!r} is not a regular expression: {error}") from error
    return value


@cache
def _glob(pattern: str) -> re.Pattern[str]:
    body = re.sub(r"\*+|\?|[^*?]+", lambda m: {"*": "[^/]*", "**": ".*", "?": "[^/]"}.get(m[0], re.escape(m[0])), pattern)
    return re.compile(body.replace(".*/", "(?:.*/)?"), re.IGNORECASE)


def _read_yaml(text: str) -> list[Any]:
    """The documents of a YAML text, every scalar a text except null: Y, no, 2023_24 and 03 stay what the author wrote.

    Pydantic turns the texts into the booleans and numbers that a field wants.
    """
    import yaml

    parser = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same in C, where PyYAML has been built with it
    kept_tags = ("tag:yaml.org,2002:null", "tag:yaml.org,2002:merge")
    kept = {first: [r for r in found if r[0] in kept_tags] for first, found in parser.yaml_implicit_resolvers.items()}
    loader = type("TextLoader", (parser,), {"yaml_implicit_resolvers": kept})
    return list(yaml.load_all(text, Loader=loader))


@cache
def option_sets() -> dict[str, dict[str, str | None]]:
    """The shipped translations by name."""
    sets: dict[str, dict[str, str | None]] = _read_yaml(OPTION_SETS.read_text(encoding="utf-8"))[0]
    return sets


def parse_definitions(text: str, origin: str) -> list[SourceDefinition]:
    """The definitions of one YAML text (several documents are separated by ``---``).

    Raises
    ------
    DefinitionError
        Naming the origin, the definition and every wrong field.
    """
    import yaml

    try:
        documents = [d for d in _read_yaml(text) if d is not None]
    except yaml.YAMLError as error:
        raise DefinitionError(f"{origin} is not YAML: {error}") from error
    definitions = []
    for number, document in enumerate(documents, start=1):
        named = document.get("name", f"document {number}") if isinstance(document, dict) else f"document {number}"
        try:
            definitions.append(SourceDefinition.model_validate(document))
        except ValidationError as error:
            lines = [f"  {'.'.join(map(str, e['loc'])) or 'definition'}: {e['msg']}" for e in error.errors()]
            raise DefinitionError(f"{origin}, {named}:\n" + "\n".join(lines)) from error
    return definitions


def load_definitions(folders: Sequence[Path] = ()) -> tuple[SourceDefinition, ...]:
    """All definitions: the shipped ones, then every ``*.yaml`` of the folders; a later one of the same name replaces an earlier one.

    Raises
    ------
    DefinitionError
        If a folder is missing, a file is not valid, or one folder names a definition twice.
    """
    found: dict[str, SourceDefinition] = {}
    for folder in (SHIPPED, *folders):
        if not folder.is_dir():
            raise DefinitionError(f"{folder} is not a folder of source definitions")
        here: dict[str, Path] = {}
        for file in sorted((*folder.rglob("*.yaml"), *folder.rglob("*.yml"))):
            for definition in parse_definitions(file.read_text(encoding="utf-8"), str(file)):
                if definition.name in here:
                    raise DefinitionError(f"{file}: the name {definition.name} is already taken by {here[definition.name]}")
                here[definition.name] = file
                found[definition.name] = definition
    return tuple(found.values())


def definition_of(path: str, definitions: Iterable[SourceDefinition]) -> SourceDefinition | None:
    """The definition that claims a path; the later (the district's) wins over the shipped. None: nobody reads this file."""
    claimed = [d for d in definitions if d.claims(path)]
    return claimed[-1] if claimed else None


def is_companion(path: str, definitions: Iterable[SourceDefinition]) -> bool:
    """Whether a file is only read along with others (a manifest), so that nobody needs to claim it."""
    return any(d.accompanies(path) for d in definitions)
