#!/bin/sh
# Makes the four databases, each with a login role of its own that no other database lets in. Running it again changes only passwords.
# For /docker-entrypoint-initdb.d of the postgres image, executed or sourced; on any other server: PGHOST, PGPORT, POSTGRES_USER, PGPASSWORD.
# Passwords: POSTGRES_PASSWORD_<SERVICE>, or POSTGRES_PASSWORD_<SERVICE>_FILE with the path of a file.

# In a subshell: sourced, it must change nothing of the shell that sources it.
create_databases() (
  set -eu

  sql() {
    psql --no-psqlrc --quiet --no-align --tuples-only --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres "$@"
  }

  create_database() {
    service=$1
    variable=POSTGRES_PASSWORD_$2
    eval "password=\${$variable:-}"
    eval "file=\${${variable}_FILE:-}"
    if [ -z "$password" ] && [ -n "$file" ]; then password=$(cat "$file"); fi
    if [ -z "$password" ]; then
      echo "create-databases.sh: $variable is not set, and neither is ${variable}_FILE" >&2
      exit 1
    fi
    # The password goes through the environment: arguments can be read by every process.
    ROLE_PASSWORD=$password sql --set service="$service" <<'SQL'
\getenv password ROLE_PASSWORD
SELECT format('CREATE ROLE %I', :'service') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'service') \gexec
ALTER ROLE :"service" LOGIN PASSWORD :'password';
SELECT format('CREATE DATABASE %I OWNER %I', :'service', :'service') WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'service') \gexec
REVOKE ALL ON DATABASE :"service" FROM PUBLIC;
SQL
  }

  # By default everybody may connect to these two.
  sql --command 'REVOKE CONNECT ON DATABASE postgres FROM PUBLIC' --command 'REVOKE CONNECT ON DATABASE template1 FROM PUBLIC'
  create_database auth AUTH
  create_database products PRODUCTS
  create_database orders ORDERS
  create_database payments PAYMENTS
)

create_databases
