"""One row of features for one ad, read from the profiles: what the bare application does, and what others are sent."""

from infra.keys import Keys
from infra.profiles import Profiles, Value
from tests.load.traffic import Shown

_TABLES = ("products", "customers", "customer_product", "customer_category")


class AdRows:
    """``columns`` names the values of each row; a name may come twice, then both mean the same."""

    def __init__(self, profiles: Profiles, keys: Keys) -> None:
        self._profiles, self._keys = profiles, keys
        self.columns = ("channel", "placement", *(name for table in _TABLES for name in profiles.columns[table]))
        self._category_at = profiles.columns["products"].index("category")
        self._nothing = {table: (None,) * len(profiles.columns[table]) for table in _TABLES}

    def row(self, shown: Shown) -> tuple[Value, ...]:
        """Channel and placement, then what is known of product, customer, and the customer with both."""
        pseudonym = self._keys.pseudonymise(shown.customer_id)
        product = self._known("products", shown.product_id)
        return (
            *(shown.channel, shown.placement),
            *product,
            *self._known("customers", pseudonym),
            *self._known("customer_product", pseudonym, shown.product_id),
            *self._known("customer_category", pseudonym, product[self._category_at]),
        )

    def _known(self, table: str, *key: Value) -> tuple[Value, ...]:
        return self._profiles.rows(table, [key])[0] or self._nothing[table]  # type: ignore[list-item]
