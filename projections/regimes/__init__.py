"""Regimes of risk grades as data: one TOML file each, read and checked by `projections.regime`."""
