#!/bin/sh
# Makes the secrets of compose.yaml in secrets/, once: what is there stays as it is.
#
# There is no default secret. The folder is its owner's alone, and the files in it are readable, because each is
# bound into containers whose users have numbers that this machine does not know.
set -eu
cd "$(dirname "$0")/.."
umask 077
mkdir -p secrets
chmod 700 secrets

fresh() { # URL-safe: it becomes part of addresses
    head -c 36 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n'
}

keep() { # keep NAME TEXT
    [ -s "secrets/$1" ] || {
        printf '%s' "$2" >"secrets/$1.draft"
        chmod 444 "secrets/$1.draft"
        mv "secrets/$1.draft" "secrets/$1"
        printf 'made secrets/%s\n' "$1"
    }
}

keep secret_key "$(fresh)$(fresh)"
keep database_password "$(fresh)"
keep database_url "postgresql://podium:$(cat secrets/database_password)@database/podium"
keep redis_password "$(fresh)"
keep redis_url "redis://:$(cat secrets/redis_password)@redis:6379/0"
keep metrics_token "$(fresh)"
keep email_url "none" # or smtp://user:password@host:587
keep s3_access_key "podium"
keep s3_secret_key "$(fresh)"
