#!/bin/sh
# Brings Temporal's two databases to the tables of this server. Safe to repeat, also after an update.
# The password is read from SQL_PASSWORD.
set -eu
: "${SQL_HOST:?}" "${SQL_USER:?}" "${SQL_PASSWORD:?}"

tool() { # database, and what to do with it
    database=$1
    shift
    temporal-sql-tool --plugin postgres12 --ep "$SQL_HOST" -p 5432 -u "$SQL_USER" --db "$database" "$@"
}

upgrade() { # database, folder of its versions
    tool "$1" setup-schema -v 0.0
    tool "$1" update-schema -d "/etc/temporal/schema/postgresql/v12/$2/versioned"
}

upgrade temporal temporal
upgrade temporal_visibility visibility
