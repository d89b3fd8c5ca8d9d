-- The newest dropout score of each student of the year, with the reasons in words and what changed since the scoring before.
with newest as (
    select
        scores.*,
        row_number() over (partition by student_key, school_year order by as_of_date desc, snapshot) as place
    from {{ source('early_warning', 'dropout_scores') }} as scores
)

select
    newest.student_key,
    newest.school_id,
    newest.grade_level,
    newest.snapshot,
    newest.as_of_date,
    newest.status,
    newest.probability,
    newest.probability_low,
    newest.probability_high,
    newest.level,
    changes.change,
    changes.previous_level,
    {{ reason_words('newest.reasons') }} as reasons,
    {{ listed('newest.recommendations') }} as recommendations,
    newest.model_version,
    newest.school_year,
    newest.known_on,
    'marts' as source,
    newest.loaded_at
from newest
left join {{ source('early_warning', 'risk_changes') }} as changes
    on newest.student_key = changes.student_key and newest.school_year = changes.school_year
    and newest.snapshot = changes.snapshot and changes.target = newest.target
where newest.place = 1
