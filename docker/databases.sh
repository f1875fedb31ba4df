#!/bin/sh
# Run once, by the image of PostgreSQL, on an empty volume: a role and a database for the case file,
# others for Temporal. Neither role can do anything to the other's, nor to the server.
set -eu
: "${CASE_DATABASE_PASSWORD:?}" "${TEMPORAL_DATABASE_PASSWORD:?}"
export PGUSER="${POSTGRES_USER:-postgres}" PGDATABASE=postgres

role() { # name, variable of its password
    psql -q -v ON_ERROR_STOP=1 -v role="$1" <<SQL
\\getenv password $2
create role :"role" login password :'password';
SQL
}

database() { # name, owner
    psql -q -v ON_ERROR_STOP=1 -v database="$1" -v owner="$2" <<'SQL'
create database :"database" owner :"owner" template template0 encoding utf8 locale 'C.UTF-8';
revoke all on database :"database" from public;
SQL
}

role dsr CASE_DATABASE_PASSWORD
role temporal TEMPORAL_DATABASE_PASSWORD
database dsr dsr
database temporal temporal
database temporal_visibility temporal
