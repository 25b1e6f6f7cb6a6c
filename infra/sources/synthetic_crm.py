"""Contact details for customers who have none in the data: made up, marked as such, always the same.

They exist so that masking and the search for personal data have something to work on in every run.
E-mail addresses end in example.com (RFC 2606); phone numbers have eleven digits in the Chinese form.
"""

from collections.abc import Iterable

import pandas as pd
from faker import Faker

COLUMNS = ("name", "phone", "email")


def crm_extract(customer_ids: Iterable[str]) -> pd.DataFrame:
    """One row per customer: customer_id, name, phone, email; depends on the id alone."""
    fake = Faker("en_US")
    rows = []
    for customer_id in customer_ids:
        fake.seed_instance(f"aimloop crm {customer_id}")
        first, last = fake.first_name(), fake.last_name()
        phone = "1" + fake.numerify("%#########")
        email = f"{first}.{last}.{fake.numerify('####')}@example.com".lower()
        rows.append((customer_id, f"{first} {last}", phone, email))
    return pd.DataFrame(rows, columns=["customer_id", *COLUMNS])
