-- A student's newest tier in a subject, with the reasons, the cluster, and the newest forecast of the final score.
with forecasts as (
    select
        predictions.*,
        row_number() over (partition by student_key, subject, school_year order by as_of desc, as_of_point desc) as place
    from {{ source('forecasts', 'predictions') }} as predictions
    where predicted_score is not null
)

select
    tiers.student_key,
    tiers.subject,
    tiers.school_id,
    tiers.grade_level,
    tiers.staff_key,
    tiers."window" as test_window,
    tiers.tier,
    {{ listed('tiers.reasons') }} as tier_reasons,
    tiers.scale_score,
    tiers.level,
    tiers.growth_percentile,
    {{ listed('tiers.not_proficient_standards') }} as standards_below_mastery,
    clusters.cluster,
    clusters.cluster_name,
    forecasts.predicted_score,
    forecasts.lower_80,
    forecasts.upper_80,
    forecasts.probability_proficient,
    forecasts.bubble,
    tiers.school_year,
    greatest(tiers.known_on, coalesce(clusters.known_on, tiers.known_on), coalesce(forecasts.known_on, tiers.known_on)) as known_on,
    'marts' as source,
    tiers.loaded_at
from {{ source('mtss', 'tiers') }} as tiers
left join {{ source('mtss', 'clusters') }} as clusters
    on tiers.student_key = clusters.student_key and tiers.subject = clusters.subject and tiers.school_year = clusters.school_year
left join forecasts
    on tiers.student_key = forecasts.student_key and tiers.subject = forecasts.subject and tiers.school_year = forecasts.school_year
    and forecasts.place = 1
where tiers.is_latest
