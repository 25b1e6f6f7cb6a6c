"""Personal data stop at staging: masked there, left out of every mart, and a test of all marts would tell if not."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
import pytest

from infra import dbt, warehouse
from infra.errors import AimloopError
from infra.intake import landing
from infra.keys import open_keys
from infra.sections import Privacy
from infra.settings import Settings, load
from infra.sources.raw_table import RawTable
from infra.state import State
from infra.warehouse import Generation

CUSTOMERS = pd.DataFrame(
    {
        "customer_id": ["1", "2", "3"],
        "name": ["Ada Lovelace", "Bob", None],
        "phone": ["13812341234", "5551234567", None],
        "email": ["ada@example.com", "b@example.com", None],
        "id_number": ["110101199001011237", "078-05-1120", None],
        "region": ["north", "south", "south"],
        "attr_tier": ["gold", "silver", "silver"],
        "attr_contact": ["13812341234", "13912341234", None],
        "attr_note": ["ring 13812341234", "likes tea", "no calls"],
        "attr_nick": ["sunny", "bobby", None],
        'attr_12" mail': ["ada@example.com", None, None],
    }
)
ORDERS = pd.DataFrame(
    {
        "order_id": ["1", "2", "3"],
        "customer_id": ["1", "2", "3"],
        "ordered_at": pd.Timestamp("2017-03-01"),
        "amount": 9.5,
        "product_id": ["kettle", "4006381333931", "kettle"],
    }
)
PRODUCTS = pd.DataFrame({"product_id": ["kettle", "cup"], "description": ["ask ada@example.com", "a cup"]})
CAMPAIGNS = pd.DataFrame({"campaign_id": ["1"], "kind": ["hotline (555) 123-4567"]})


@dataclass(frozen=True)
class Built:
    generation: Generation
    state: State
    storage_key: str

    def test(self, settings: Settings) -> None:
        """Run dbt's test of all marts, and that alone."""
        with dbt.environment(self.state, self.generation, self.storage_key):
            dbt.run([*dbt.test_arguments(settings), "--select", "marts_hold_nothing_personal"])


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("personal")
    settings = load({}, folder, state=folder / "state")
    state = State(settings.state).open()
    keys = open_keys(settings, state)
    tables = {"customers": CUSTOMERS, "orders": ORDERS, "products": PRODUCTS, "campaigns": CAMPAIGNS}
    raw = [RawTable(name, f"FROM {name}_frame", frames={f"{name}_frame": frame}) for name, frame in tables.items()]
    landing.land(state, keys, raw, "test", privacy=Privacy(personal={"attr_nick": "name"}))
    with dbt.environment(state, warehouse.start_generation(state, "g", pd.Timestamp("2017-04-01")), keys.storage):
        dbt.run(dbt.build_arguments(settings))
        dbt.run(dbt.test_arguments(settings))
    return Built(warehouse.finish(state, "g"), state, keys.storage)


def test_staging_masks_every_personal_column_by_its_kind(built: Built) -> None:
    staged = built.generation.query("SELECT * FROM staging.stg_customers ORDER BY attr_tier, region, attr_note")
    shown = staged.filter(regex="_masked$|^attr_").astype(object).where(staged.notna(), None).to_dict("list")
    assert shown == {
        "name_masked": ["A***", "B***", None],
        "phone_masked": ["138****1234", "****", None],
        "email_masked": ["a***@example.com", "***@example.com", None],
        "id_number_masked": ["***1237", "***1120", None],
        "attr_tier": ["gold", "silver", "silver"],
        "attr_contact_masked": ["138****1234", "139****1234", None],
        "attr_note": ["ring ****", "likes tea", "no calls"],
        "attr_nick_masked": ["s***", "b***", None],
        'attr_12" mail_masked': ["a***@example.com", None, None],
    }


def test_staging_redacts_free_texts(built: Built) -> None:
    products = built.generation.query("SELECT description FROM staging.stg_products ORDER BY product_id")
    assert products["description"].tolist() == ["a cup", "ask ***"]
    assert built.generation.query("SELECT kind FROM staging.stg_campaigns")["kind"].tolist() == ["hotline ****"]


def test_personal_attributes_reach_no_mart(built: Built) -> None:
    columns = built.generation.query(
        "SELECT DISTINCT column_name FROM duckdb_columns() WHERE schema_name = 'marts' AND column_name LIKE 'attr_%'"
    )
    assert set(columns["column_name"]) == {"attr_tier", "attr_note"}


@pytest.fixture
def planted(built: Built) -> Iterator[Built]:
    """A mart with personal data in it, put right afterwards."""
    built.generation.execute("CREATE TABLE untouched AS FROM marts.customer_features")
    yield built
    built.generation.execute("CREATE OR REPLACE TABLE marts.customer_features AS FROM untouched")
    built.generation.execute("DROP TABLE untouched")


def test_the_test_of_all_marts_names_every_column_that_looks_personal_and_no_value(planted: Built) -> None:
    mart = "marts.customer_features"
    planted.generation.execute(f"UPDATE {mart} SET attr_note = 'ring 13812341234' WHERE attr_tier = 'gold'")
    for column in ("code VARCHAR DEFAULT '078-05-1120'", "member BIGINT DEFAULT 13912341234"):
        planted.generation.execute(f"ALTER TABLE {mart} ADD COLUMN {column}")
    planted.generation.execute(f"ALTER TABLE {mart} ADD COLUMN \"it's\" VARCHAR[] DEFAULT ['a', 'ada@example.com']")
    with pytest.raises(AimloopError) as refused:
        planted.test(Settings())
    named = "customer_features.attr_note, customer_features.code, customer_features.it's, customer_features.member"
    assert f"in {named} something looks like" in str(refused.value)
    assert not any(value in str(refused.value) for value in ("138123", "139123", "078-05", "ada@"))


def test_columns_that_only_look_so_are_let_through(planted: Built) -> None:
    for column in ("code VARCHAR DEFAULT '078-05-1120'", "spent DOUBLE DEFAULT 13912341234"):
        planted.generation.execute(f"ALTER TABLE marts.customer_features ADD COLUMN {column}")
    planted.generation.execute("ALTER TABLE marts.customer_features ADD COLUMN mean DOUBLE DEFAULT 13912341234.5")
    planted.test(Settings(privacy=Privacy(not_personal=("code", "customers.spent"))))
