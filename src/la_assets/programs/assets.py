"""The programs asset: stays in programs and interventions."""

import polars as pl

from la_assets.landing.schema import PROGRAM_PARTICIPATION
from la_assets.programs import participation as stays
from la_assets.programs.schema import PARTICIPATION
from la_assets.roster.schema import IDENTIFIERS
from la_assets.yearly_tables import Year, yearly_table


@yearly_table(PARTICIPATION, inputs=(PROGRAM_PARTICIPATION, IDENTIFIERS))
def participation(year: Year) -> pl.LazyFrame:
    """A stay of a student in a program or intervention, with tier, dosage, fidelity and cost.

    **From** `landing.program_participation`; a stay reported again replaces the earlier report. `assignment` says how students got
    in, which decides what an evaluation may conclude.

    **Fresh** with the program files. `known_on` is the first day; end, dosage, fidelity and cost became known later.

    **If it fails**, the message names the column and the key; look the stay up in the landing table.
    """
    return stays.participation(year[PROGRAM_PARTICIPATION], year[IDENTIFIERS])
