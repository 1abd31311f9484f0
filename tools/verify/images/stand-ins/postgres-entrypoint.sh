#!/bin/sh
# As much of the official image's entry point as its users here need: a first start makes the cluster and runs the scripts.
set -eu
case ${1:-} in
  -*) set -- postgres "$@" ;;
esac
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  mkdir -p "$PGDATA"
  echo "$POSTGRES_PASSWORD" >/tmp/superuser-password
  # shellcheck disable=SC2086 # several arguments in one variable, as the official image takes them
  initdb --pgdata "$PGDATA" --username "${POSTGRES_USER:-postgres}" --pwfile /tmp/superuser-password --auth-local trust \
    --auth-host scram-sha-256 ${POSTGRES_INITDB_ARGS:-}
  rm /tmp/superuser-password
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  pg_ctl --pgdata "$PGDATA" --wait start --options "-c listen_addresses='' -c unix_socket_directories=/tmp -p ${PGPORT:-5432}"
  export PGHOST=/tmp
  for script in /docker-entrypoint-initdb.d/*.sh; do
    # shellcheck source=/dev/null
    if [ -x "$script" ]; then "$script"; else . "$script"; fi
  done
  unset PGHOST
  pg_ctl --pgdata "$PGDATA" --wait stop --mode fast
fi
exec "$@" -D "$PGDATA" -c unix_socket_directories=/tmp -c listen_addresses="${LISTEN:-*}"
