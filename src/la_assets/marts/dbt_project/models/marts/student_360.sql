-- A student's school year in one row, from every room. What no file or model has said yet is missing, not zero.
with stays as (
    select
        student_key, school_year, school_id,
        row_number() over (
            partition by student_key, school_year
            order by
                is_primary desc nulls last, coalesce(exit_date, cast('9999-12-31' as date)) desc, entry_date desc nulls last, school_id
        ) as place
    from {{ source('roster', 'enrollments') }}
),

finals as (
    select
        student_key, school_year, subject, scale_score, level, "window", known_on,
        row_number() over (
            partition by student_key, school_year, subject
            order by coalesce(administered_on, known_on) desc nulls last, assessment_id, "window" desc nulls last
        ) as place
    from {{ source('assessments', 'scores') }}
    where is_official and scale_score is not null and subject in ('ELA', 'Math') and level is not null
),

newest as (
    select
        student_key, school_year,
        max(case when subject = 'ELA' then scale_score end) as ela_score,
        max(case when subject = 'ELA' then level end) as ela_level,
        max(case when subject = 'ELA' then "window" end) as ela_window,
        max(case when subject = 'Math' then scale_score end) as math_score,
        max(case when subject = 'Math' then level end) as math_level,
        max(case when subject = 'Math' then "window" end) as math_window,
        max(known_on) as known_on
    from finals
    where place = 1
    group by student_key, school_year
),

incidents as (
    select
        student_key, school_year,
        count(*) as incidents,
        sum(case when action in ('ISS', 'OSS') then 1 else 0 end) as suspensions,
        max(known_on) as known_on
    from {{ source('behavior', 'incidents') }}
    group by student_key, school_year
),

activity as (
    select
        student_key, school_year,
        cast({{ exact_sum('minutes', 4) }} as double precision) as lms_minutes,
        sum(submissions) as submissions,
        sum(late) as late_submissions,
        sum(missing) as missing_assignments,
        max(known_on) as known_on
    from {{ source('engagement', 'lms_daily') }}
    group by student_key, school_year
),

risk as (
    select
        student_key, school_year, probability, level, known_on,
        row_number() over (partition by student_key, school_year order by as_of_date desc nulls last, "snapshot") as place
    from {{ source('early_warning', 'dropout_scores') }}
    where status = 'scored'
),

newest_tiers as (
    select
        student_key, school_year,
        max(case when subject = 'ELA' then tier end) as ela_tier,
        max(case when subject = 'Math' then tier end) as math_tier,
        max(known_on) as known_on
    from {{ source('mtss', 'tiers') }}
    where is_latest
    group by student_key, school_year
),

sent as (
    select
        years.school_year,
        with_incidents.school_year is not null as incidents_sent,
        with_activity.school_year is not null as activity_sent
    from (select distinct school_year from {{ source('roster', 'students') }}) as years
    left join (select distinct school_year from incidents) as with_incidents on years.school_year = with_incidents.school_year
    left join (select distinct school_year from activity) as with_activity on years.school_year = with_activity.school_year
)

select
    students.student_key,
    stays.school_id,
    students.grade_level,
    students.gender,
    students.race_ethnicity,
    students.frl,
    students.ell,
    students.ese,
    progression.progress,
    progression.schools_in_four_years,
    attendance.days_enrolled,
    attendance.days_absent,
    attendance.rate as attendance_rate,
    attendance.chronic as chronically_absent,
    marks.gpa,
    marks.credits_attempted,
    marks.credits_earned,
    marks.fs,
    {{ missing_or_zero('incidents.incidents', 'sent.incidents_sent') }} as incidents,
    {{ missing_or_zero('incidents.suspensions', 'sent.incidents_sent') }} as suspensions,
    newest.ela_score,
    newest.ela_level,
    newest.ela_window,
    newest.math_score,
    newest.math_level,
    newest.math_window,
    {{ missing_or_zero('activity.lms_minutes', 'sent.activity_sent') }} as lms_minutes,
    {{ missing_or_zero('activity.submissions', 'sent.activity_sent') }} as submissions,
    {{ missing_or_zero('activity.late_submissions', 'sent.activity_sent') }} as late_submissions,
    {{ missing_or_zero('activity.missing_assignments', 'sent.activity_sent') }} as missing_assignments,
    risk.probability as dropout_probability,
    risk.level as dropout_risk_level,
    newest_tiers.ela_tier,
    newest_tiers.math_tier,
    students.school_year,
    greatest(
        students.known_on,
        coalesce(attendance.known_on, students.known_on),
        coalesce(marks.known_on, students.known_on),
        coalesce(newest.known_on, students.known_on),
        coalesce(incidents.known_on, students.known_on),
        coalesce(activity.known_on, students.known_on),
        coalesce(risk.known_on, students.known_on),
        coalesce(newest_tiers.known_on, students.known_on)
    ) as known_on,
    {{ named('marts') }} as source,
    students.loaded_at
from {{ source('roster', 'students') }} as students
inner join sent on students.school_year = sent.school_year
left join stays
    on students.student_key = stays.student_key and students.school_year = stays.school_year and stays.place = 1
left join {{ source('roster', 'progression') }} as progression
    on students.student_key = progression.student_key and students.school_year = progression.school_year
left join {{ source('attendance', 'student_year') }} as attendance
    on students.student_key = attendance.student_key and students.school_year = attendance.school_year
left join {{ source('coursework', 'student_year') }} as marks
    on students.student_key = marks.student_key and students.school_year = marks.school_year
left join newest on students.student_key = newest.student_key and students.school_year = newest.school_year
left join incidents on students.student_key = incidents.student_key and students.school_year = incidents.school_year
left join activity on students.student_key = activity.student_key and students.school_year = activity.school_year
left join risk on students.student_key = risk.student_key and students.school_year = risk.school_year and risk.place = 1
left join newest_tiers on students.student_key = newest_tiers.student_key and students.school_year = newest_tiers.school_year
