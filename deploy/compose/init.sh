#!/bin/sh
# Run once by the image of PostgreSQL, on an empty volume.
set -eu
DPI_OWNER_PASSWORD="$(cat /run/secrets/owner-password)"
DPI_APP_PASSWORD="$(cat /run/secrets/app-password)"
export DPI_OWNER_PASSWORD DPI_APP_PASSWORD
psql -v ON_ERROR_STOP=1 -U postgres -f /opt/postgresql.sql
