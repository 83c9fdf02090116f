#!/bin/sh
# Make the secrets of the composition, once; a file that exists is kept.
set -eu
umask 077
cd "$(dirname "$0")"
mkdir -p secrets
random() { head -c 48 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n'; }
keep() { [ -s "secrets/$1" ] || printf '%s' "$2" >"secrets/$1"; }
keep secret-key "$(random)"
keep audit-key "$(random)"
keep postgres-password "$(random)"
keep owner-password "$(random)"
keep app-password "$(random)"
keep redis-password "$(random)"
keep database-url "postgresql://dpi_app:$(cat secrets/app-password)@postgresql/dpi"
keep database-owner-url "postgresql://dpi_owner:$(cat secrets/owner-password)@postgresql/dpi"
keep redis-url "redis://:$(cat secrets/redis-password)@valkey:6379/0"
# The containers read the files as another account; nobody else of this machine enters the folder.
chmod 0700 secrets
chmod 0644 secrets/*
