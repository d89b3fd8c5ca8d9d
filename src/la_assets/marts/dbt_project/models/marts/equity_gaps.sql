-- The gap between a group of students and its reference group in a subject, from student rows, with its standard error.
-- Hedges g and its standard error: Hedges and Olkin (1985), Statistical Methods for Meta-Analysis, chapter 5.
with results as (
    select student_key, school_year, grade_level, {{ named('ELA') }} as subject, ela_score as score, ela_level as level, ela_window as test_window,
           gender, race_ethnicity, frl, ell, ese, known_on, loaded_at
    from {{ ref('student_360') }}
    where ela_score is not null
    union all
    select student_key, school_year, grade_level, {{ named('Math') }}, math_score, math_level, math_window,
           gender, race_ethnicity, frl, ell, ese, known_on, loaded_at
    from {{ ref('student_360') }}
    where math_score is not null
),

standing as (
    select
        results.*,
        (score - avg(score) over (partition by school_year, subject, grade_level, test_window))
        / nullif(stddev_samp(score) over (partition by school_year, subject, grade_level, test_window), 0) as z,
        case
            when grade_level in ('KG', '01', '02', '03', '04', '05') then 'K-5'
            when grade_level in ('06', '07', '08') then '6-8'
            when grade_level in ('09', '10', '11', '12') then '9-12'
            else 'other'
        end as grade_band
    from results
),

grouped as (
    {% for attribute, reference in var('reference_groups').items() %}
    select school_year, subject, grade_band, {{ named(attribute) }} as attribute,
           {% if attribute in ('frl', 'ell', 'ese') %}case when {{ attribute }} then 'yes' when not {{ attribute }} then 'no' end{% else %}{{ attribute }}{% endif %} as student_group,
           {{ named(reference) }} as reference_group, z, level, known_on, loaded_at
    from standing
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

sums as (
    select
        school_year, subject, grade_band, attribute, student_group, reference_group,
        count(*) as members,
        sum(case when level >= {{ var('proficient_level') }} then 1 else 0 end) as with_property,
        avg(cast(case when level >= {{ var('proficient_level') }} then 1 else 0 end as double precision)) as value,
        avg(z) as mean_z,
        var_samp(z) as variance_z,
        cast(count(z) as double precision) as n_z,
        max(known_on) as known_on,
        max(loaded_at) as loaded_at
    from grouped
    where student_group is not null
    group by school_year, subject, grade_band, attribute, student_group, reference_group
),

cells as (
    select
        sums.*,
        members < {{ var('min_cell') }}
        or with_property between 1 and {{ var('min_cell') }} - 1
        or members - with_property between 1 and {{ var('min_cell') }} - 1 as is_small
    from sums
),

judged as (
    select
        cells.*,
        max(case when is_small then 1 else 0 end) over (partition by school_year, subject, grade_band, attribute) as small_cells
    from cells
),

pairs as (
    select
        judged.*,
        other.members as reference_members,
        other.value as reference_value,
        other.mean_z as reference_mean_z,
        other.variance_z as reference_variance_z,
        other.n_z as reference_n_z,
        judged.is_small or other.is_small as is_suppressed
    from judged
    left join judged as other
        on judged.school_year = other.school_year and judged.subject = other.subject and judged.grade_band = other.grade_band
        and judged.attribute = other.attribute and other.student_group = judged.reference_group
    where judged.student_group <> judged.reference_group
),

sized as (
    select
        pairs.*,
        (1 - 3.0 / (4.0 * (n_z + reference_n_z - 2) - 1)) * (mean_z - reference_mean_z)
        / nullif(sqrt(((n_z - 1) * variance_z + (reference_n_z - 1) * reference_variance_z) / nullif(n_z + reference_n_z - 2, 0)), 0) as g
    from pairs
),

stated as (
    select
        sized.*,
        case
            when reference_members is null then 'no reference group'
            when is_suppressed then 'suppressed'
            when g is null then 'no variation'
            when small_cells = 1 then 'told without counts'
            else 'told'
        end as status
    from sized
)

-- Where a group of the attribute is small, the counts of the others are left out too: with them it could be had by subtraction.
-- Gaps are rounded, so that no count can be worked out from them.
select
    subject,
    grade_band,
    attribute,
    student_group,
    reference_group,
    status,
    case when status = 'told' then members end as students,
    case when status = 'told' then reference_members end as reference_students,
    case when status like 'told%' then round(cast(value - reference_value as numeric(12, 6)), 3) end as proficiency_gap,
    case when status like 'told%' then round(cast(sqrt(
        value * (1 - value) / members + reference_value * (1 - reference_value) / reference_members
    ) as numeric(12, 6)), 3) end as proficiency_gap_se,
    case when status like 'told%' then round(cast(g as numeric(12, 6)), 3) end as hedges_g,
    case when status like 'told%' then round(cast(sqrt(
        (n_z + reference_n_z) / nullif(n_z * reference_n_z, 0) + g * g / (2.0 * (n_z + reference_n_z))
    ) as numeric(12, 6)), 3) end as hedges_g_se,
    school_year,
    known_on,
    {{ named('marts') }} as source,
    loaded_at
from stated
