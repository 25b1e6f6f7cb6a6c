"""A generation made by hand: three customers, a mailing with one of them held back, a banner."""

import pandas as pd

from infra.warehouse import Generation

AS_OF = pd.Timestamp("2017-05-29")
STATEMENTS = """
CREATE TABLE cycle AS SELECT '{cycle}' AS cycle_id, TIMESTAMP '2017-05-29' AS as_of;
CREATE SCHEMA marts; CREATE SCHEMA staging; CREATE SCHEMA intermediate;
CREATE TABLE marts.scores AS SELECT * FROM (VALUES
    ('{cycle}', 'ann', 'loyal', 80::DOUBLE, 60::DOUBLE, 100::DOUBLE, 0.1::DOUBLE),
    ('{cycle}', 'bob', 'loyal', 'nan', 'nan', 'nan', 'nan'),
    ('{cycle}', 'cyd', NULL, 20.0, 10.0, 30.0, 0.5), ('earlier', 'ann', 'other', 1.0, 1.0, 1.0, 0.1)
) t(cycle_id, pseudonym, segment, expected_revenue_90d, expected_revenue_low, expected_revenue_high, churn_probability);
CREATE TABLE marts.customer_profiles AS SELECT * FROM (VALUES ('ann', 2, 40.0), ('bob', 4, 20.0), ('cyd', 0, 0.0))
    t(pseudonym, orders_84d, amount_84d);
CREATE TABLE marts.customer_consents AS SELECT * FROM (VALUES ('ann', true), ('bob', false))
    t(pseudonym, may_receive_marketing);
CREATE TABLE staging.stg_campaigns AS SELECT * FROM (VALUES ('s', 'mailing', 'spring'), ('h', 'mailing', 'Control'))
    t(campaign_id, channel, kind);
CREATE TABLE staging.stg_contacts AS SELECT * FROM (VALUES
    ('s', 'ann', TIMESTAMP '2017-05-01', TIMESTAMP '2017-05-02'), ('s', 'ann', TIMESTAMP '2017-05-09', NULL),
    ('s', 'bob', TIMESTAMP '2017-05-09', NULL), ('h', 'cyd', TIMESTAMP '2017-05-09', NULL)
) t(campaign_id, pseudonym, contacted_at, responded_at);
CREATE TABLE staging.stg_impressions AS SELECT * FROM (VALUES
    ('banner', 'ann', TIMESTAMP '2017-05-28 10:00', 400.0, false),
    ('banner', 'ann', TIMESTAMP '2017-05-28 11:00', 1.0, true),
    (NULL, 'ann', TIMESTAMP '2017-05-28', 1.0, true)) t(channel, pseudonym, shown_at, sampling_weight, clicked);
CREATE TABLE intermediate.int_orders AS SELECT * FROM (VALUES
    ('ann', TIMESTAMP '2017-04-30', 99.0), ('ann', TIMESTAMP '2017-05-10', 5.5), ('cyd', TIMESTAMP '2017-05-20', 2.5)
) t(pseudonym, ordered_at, amount);
CREATE TABLE marts.prediction_outcomes AS SELECT * FROM (VALUES
    ('banner', true, TIMESTAMP '2017-05-28', 7.5), ('banner', false, TIMESTAMP '2017-05-28', 100.0)
) t(channel, is_answered, predicted_at, revenue);
"""


def build(generation: Generation, without: str = "nothing") -> Generation:
    """Fill a generation, but for the tables whose statements hold ``without``."""
    for statement in STATEMENTS.replace("{cycle}", generation.name).split(";"):
        if statement.strip() and without not in statement:
            generation.execute(statement)
    return generation
