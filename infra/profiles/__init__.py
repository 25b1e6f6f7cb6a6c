"""The profile store: what the services look up when a request comes in. Customers are pseudonyms."""

from infra.profiles.shape import KEYS, GenerationGone, Profiles, Row, Value
from infra.profiles.store import open_profiles, publish, published

__all__ = ["KEYS", "GenerationGone", "Profiles", "Row", "Value", "open_profiles", "publish", "published"]
