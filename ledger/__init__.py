"""The facts: what happened to each loan and account, decided, recorded and never changed.

Pure core (`loan`, `account`, `schedule`, `waterfall`, …) without I/O; `store` is the only door to
the database; `service` joins them. Imports nothing of the layers above.
"""
