with customers as (
    select * from {{ source('raw', 'customers') }}
    where landed_at <= {{ as_of() }}
)

, people as (
    select * from {{ ref('stg_people') }}
)

select
    -- ids
    people.pseudonym

    -- masked, for people who must recognise a customer
    , {{ mask_name('customers.name') }} as name_masked
    , {{ mask_phone('customers.phone') }} as phone_masked
    , {{ mask_email('customers.email') }} as email_masked
    , {{ mask_id_number('customers.id_number') }} as id_number_masked

    -- attributes
    , customers.region
    , customers.age_band
    , date_trunc('month', customers.birth_date) as birth_month
    , customers.gender
    , customers.income_band
    , customers.household_size
    {{ staged_attribute_columns(source('raw', 'customers'), 'customers') }}

    -- times
    , customers.signed_up_at
    , customers.member_expires_at
    , customers.landed_at
from customers
inner join people on customers.customer_id = people.customer_id
