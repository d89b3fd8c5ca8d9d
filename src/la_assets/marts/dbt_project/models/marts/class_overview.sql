-- A class (section) of a year in one row; shares and means of all who were ever enrolled in it, small cells withheld.
with classes as (
    select
        section_id,
        school_year,
        min(school_id) as school_id,
        min(subject) as subject,
        min(course_id) as course_id,
        min(course_level) as course_level
    from {{ source('roster', 'sections') }}
    group by section_id, school_year
),

members as (
    select distinct student_key, section_id, school_year
    from {{ source('roster', 'section_enrollments') }}
),

enrolled as (
    select
        members.section_id,
        classes.school_id as class_school_id,
        coalesce(classes.subject, 'none') as class_subject,
        students.*
    from members
    inner join classes on members.section_id = classes.section_id and members.school_year = classes.school_year
    inner join {{ ref('student_360') }} as students
        on members.student_key = students.student_key and members.school_year = students.school_year
),

told as (
    {{ suppressed(
        measured('enrolled', ['section_id', 'class_school_id', 'class_subject', 'school_year']),
        ['class_school_id', 'class_subject', 'school_year', 'measure'],
        'section_id'
    ) }}
),

wide as (
    select
        section_id,
        school_year,
        {{ told_columns() }}
    from told
    group by section_id, school_year
),

counted as (
    select
        section_id,
        school_year,
        count(*) as students,
        {{ lineage('enrolled') }}
    from enrolled
    group by section_id, school_year
)

select
    wide.*,
    classes.school_id,
    classes.subject,
    classes.course_id,
    classes.course_level,
    counted.students,
    counted.known_on,
    counted.source,
    counted.loaded_at
from wide
inner join classes on wide.section_id = classes.section_id and wide.school_year = classes.school_year
inner join counted on wide.section_id = counted.section_id and wide.school_year = counted.school_year
