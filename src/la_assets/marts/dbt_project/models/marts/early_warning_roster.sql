-- The newest dropout score of each student of the year, with the reasons in words and what changed since the scoring before.
with newest as (
    select
        scores.*,
        row_number() over (partition by student_key, school_year order by as_of_date desc nulls last, "snapshot") as place
    from {{ source('early_warning', 'dropout_scores') }} as scores
),

latest as (
    select * from newest where place = 1
),

reasons as (
    {{ words_of('latest', ['student_key', 'school_year'], 'reasons', part='text', separator='; ') }}
),

recommendations as (
    {{ words_of('latest', ['student_key', 'school_year'], 'recommendations') }}
)

select
    latest.student_key,
    latest.school_id,
    latest.grade_level,
    latest."snapshot",
    latest.as_of_date,
    latest.status,
    latest.probability,
    latest.probability_low,
    latest.probability_high,
    latest.level,
    changes.change,
    changes.previous_level,
    reasons.words as reasons,
    recommendations.words as recommendations,
    latest.model_version,
    latest.school_year,
    latest.known_on,
    {{ named('marts') }} as source,
    latest.loaded_at
from latest
left join {{ source('early_warning', 'risk_changes') }} as changes
    on latest.student_key = changes.student_key and latest.school_year = changes.school_year
    and latest."snapshot" = changes."snapshot" and changes.target = latest.target
left join reasons on latest.student_key = reasons.student_key and latest.school_year = reasons.school_year
left join recommendations on latest.student_key = recommendations.student_key and latest.school_year = recommendations.school_year
