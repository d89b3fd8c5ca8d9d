-- A student's newest tier in a subject, with the reasons, the cluster, and the newest forecast of the final score.
with forecasts as (
    select
        predictions.*,
        row_number() over (partition by student_key, subject, school_year order by as_of desc nulls last, as_of_point desc nulls last) as place
    from {{ source('forecasts', 'predictions') }} as predictions
    where predicted_score is not null
),

latest as (
    select * from {{ source('mtss', 'tiers') }} where is_latest
),

reasons as (
    {{ words_of('latest', ['student_key', 'subject', 'school_year'], 'reasons') }}
),

standards as (
    {{ words_of('latest', ['student_key', 'subject', 'school_year'], 'not_proficient_standards') }}
)

select
    tiers.student_key,
    tiers.subject,
    tiers.school_id,
    tiers.grade_level,
    tiers.staff_key,
    tiers."window" as test_window,
    tiers.tier,
    reasons.words as tier_reasons,
    tiers.scale_score,
    tiers.level,
    tiers.growth_percentile,
    standards.words as standards_below_mastery,
    clusters.cluster,
    clusters.cluster_name,
    forecasts.predicted_score,
    forecasts.lower_80,
    forecasts.upper_80,
    forecasts.probability_proficient,
    forecasts.bubble,
    tiers.school_year,
    greatest(tiers.known_on, coalesce(clusters.known_on, tiers.known_on), coalesce(forecasts.known_on, tiers.known_on)) as known_on,
    {{ named('marts') }} as source,
    tiers.loaded_at
from latest as tiers
left join {{ source('mtss', 'clusters') }} as clusters
    on tiers.student_key = clusters.student_key and tiers.subject = clusters.subject and tiers.school_year = clusters.school_year
left join forecasts
    on tiers.student_key = forecasts.student_key and tiers.subject = forecasts.subject and tiers.school_year = forecasts.school_year
    and forecasts.place = 1
left join reasons
    on tiers.student_key = reasons.student_key and tiers.subject = reasons.subject and tiers.school_year = reasons.school_year
left join standards
    on tiers.student_key = standards.student_key and tiers.subject = standards.subject and tiers.school_year = standards.school_year
