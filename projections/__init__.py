"""The views: what people and regulators read, each rebuildable from the facts.

`tables` is the only door to SQL; each view is one module.
"""
