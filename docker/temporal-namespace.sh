#!/bin/sh
# Makes the namespace and the search attributes that the engine needs. Safe to repeat.
set -eu
: "${TEMPORAL_ADDRESS:?}" "${TEMPORAL_NAMESPACE:?}" "${RETENTION:?}"

tries=0
until temporal operator cluster health >/dev/null 2>&1; do
    tries=$((tries + 1))
    if [ "$tries" -ge 60 ]; then
        echo "Temporal does not answer at $TEMPORAL_ADDRESS: see the log of the service temporal" >&2
        exit 1
    fi
    sleep 1
done

if ! temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; then
    temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"
fi

# A namespace is known to every part of the server some seconds after it was made.
attribute() { # name, type
    tries=0
    until temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" \
        --name "$1" --type "$2"; do
        tries=$((tries + 1))
        [ "$tries" -lt 30 ] || exit 1
        sleep 1
    done
}

attribute DsrStatus Keyword
attribute DsrKind Keyword
attribute DsrDueAt Datetime
attribute DsrEscalation Int
