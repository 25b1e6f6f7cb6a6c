-- What became known of each order at each snapshot: its purchase lines, and later those that landed late and
-- what was given back. Everything of an order is dated at the purchase, so that a return takes back money
-- where it was spent; order_change is 1 where an order begins to count and -1 where all of it was given back.
with purchases as (
    select
        parts.*
        , coalesce(
            least(greatest(parts.amount, fences.lowest_amount), fences.highest_amount), parts.amount
        ) as amount_winsorised
        , coalesce(parts.amount not between fences.lowest_amount and fences.highest_amount, false) as is_outlier
    from {{ ref('int_purchases') }} as parts
    left join {{ ref('int_amount_fences') }} as fences on parts.first_snapshot_at = fences.snapshot_at
)

-- returns of one part that became known at one snapshot, by product; without one, from the part as a whole
, returns as (
    select
        purchase_order_id as order_id
        , purchase_first_snapshot_at
        , product_id
        , known_at
        , -sum(amount) as amount
        , -sum(quantity) as quantity
    from {{ ref('int_returns') }}
    where purchase_order_id is not null
    group by purchase_order_id, purchase_first_snapshot_at, product_id, known_at
)

, items as (
    select
        order_id
        , first_snapshot_at as purchase_first_snapshot_at
        , product_id
        , sum(amount) as amount
        , if(count(quantity) = count(*), sum(quantity), null) as quantity
        , count(*) as lines
    from {{ ref('stg_orders') }}
    semi join returns using (order_id, product_id)
    where not is_return
    group by order_id, first_snapshot_at, product_id
)

-- given back of each product so far: at most the money paid; its lines once all money or all units are back
, items_so_far as (
    select
        returns.order_id
        , returns.purchase_first_snapshot_at
        , returns.product_id
        , returns.known_at
        , least(sum(returns.amount) over so_far, items.amount) as amount
        , if(
            coalesce(sum(returns.quantity) over so_far >= items.quantity, false)
            or (sum(returns.amount) over so_far >= items.amount and (items.amount > 0 or items.quantity is null))
            , items.lines, 0
        ) as lines
    from returns
    inner join items using (order_id, purchase_first_snapshot_at, product_id)
    window so_far as (
        partition by returns.order_id, returns.purchase_first_snapshot_at, returns.product_id order by returns.known_at
    )
)

, given_back as (
    select
        order_id
        , purchase_first_snapshot_at
        , known_at
        , amount - lag(amount, 1, 0) over so_far as amount
        , lines - lag(lines, 1, 0) over so_far as lines
    from items_so_far
    window so_far as (partition by order_id, purchase_first_snapshot_at, product_id order by known_at)
    union all
    select
        order_id
        , purchase_first_snapshot_at
        , known_at
        , amount
        , 0 as lines
    from returns
    where product_id is null
)

-- given back of each part so far
, sums_so_far as (
    select
        order_id
        , purchase_first_snapshot_at
        , known_at
        , sum(sum(amount)) over so_far as amount
        , sum(sum(lines)) over so_far as lines
    from given_back
    group by order_id, purchase_first_snapshot_at, known_at
    window so_far as (partition by order_id, purchase_first_snapshot_at order by known_at)
)

, parts_so_far as (
    select
        purchases.order_id
        , purchases.pseudonym
        , purchases.first_snapshot_at as purchase_first_snapshot_at
        , sums_so_far.known_at
        , purchases.amount as bought_amount
        , purchases.amount_winsorised as bought_amount_winsorised
        , purchases.discount as bought_discount
        , purchases.lines as bought_lines
        , least(sums_so_far.amount, purchases.amount) as amount
        , sums_so_far.lines >= purchases.lines
        or (sums_so_far.amount >= purchases.amount and purchases.amount > 0) as is_whole
        , sums_so_far.lines
    from sums_so_far
    inner join purchases
        on
            sums_so_far.order_id = purchases.order_id
            and sums_so_far.purchase_first_snapshot_at = purchases.first_snapshot_at
)

-- the same share of the winsorised amount and of the discount goes back as of the money
, shares_so_far as (
    select
        order_id
        , pseudonym
        , purchase_first_snapshot_at
        , known_at
        , amount
        , cast(
            coalesce(bought_amount_winsorised * (cast(amount as double) / nullif(bought_amount, 0)), 0)
            as decimal(18, 4)
        ) as amount_winsorised
        , cast(
            bought_discount * if(is_whole, 1, coalesce(cast(amount as double) / nullif(bought_amount, 0), 0))
            as decimal(18, 4)
        ) as discount
        , if(is_whole, bought_lines, lines) as lines
        , cast(is_whole as integer) as parts
    from parts_so_far
)

, changes as (
    select
        order_id
        , pseudonym
        , first_snapshot_at
        , ordered_at
        , amount
        , amount_winsorised
        , discount
        , lines
        , is_outlier
        , 1 as parts
    from purchases
    union all
    select
        order_id
        , pseudonym
        , known_at as first_snapshot_at
        , null as ordered_at
        , lag(amount, 1, 0) over so_far - amount as amount
        , lag(amount_winsorised, 1, 0) over so_far - amount_winsorised as amount_winsorised
        , lag(discount, 1, 0) over so_far - discount as discount
        , lag(lines, 1, 0) over so_far - lines as lines
        , false as is_outlier
        , lag(parts, 1, 0) over so_far - parts as parts
    from shares_so_far
    window so_far as (partition by order_id, purchase_first_snapshot_at order by known_at)
)

, gathered as (
    select
        order_id
        , pseudonym
        , first_snapshot_at
        , first_value(min(ordered_at)) over history as ordered_at
        , sum(amount) as amount
        , sum(amount_winsorised) as amount_winsorised
        , sum(discount) as discount
        , sum(lines) as lines
        , bool_or(is_outlier) as is_outlier
        , sum(sum(parts)) over history > 0 as counts
    from changes
    group by order_id, pseudonym, first_snapshot_at
    window history as (partition by pseudonym, order_id order by first_snapshot_at)
)

select
    * exclude (counts)
    , cast(counts as integer) - cast(lag(counts, 1, false) over history as integer) as order_change
from gathered
window history as (partition by pseudonym, order_id order by first_snapshot_at)
