"""What every endpoint of the API stands on: who calls, what may be called, pages, limits (security 10.6).

Endpoints live in the `api` modules of their rooms; their addresses, problems and schema in `dpi/api`.
"""
