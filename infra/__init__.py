"""The ground floor: settings, contracts, stores and sources. It knows nothing of flows or models."""
