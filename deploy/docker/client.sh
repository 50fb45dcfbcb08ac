#!/bin/sh
# Of the database's image: pg_dump, pg_restore and psql, with all libraries they name and the loader of these. So they
# are of the server's version and run on any base, whatever its libc; nothing is fetched for them.
set -eu
of=/postgresql
mkdir -p "$of/lib" "$of/programs" "$of/bin"

program() { # the first of this name on the path that is no script: Debian's is one
    for folder in $(printf %s "$PATH" | tr : ' '); do
        ! ldd "$folder/$1" >/dev/null 2>&1 || { printf %s "$folder/$1"; return; }
    done
    echo "client.sh: this image has no $1" >&2
    exit 1
}

for name in pg_dump pg_restore psql; do
    found=$(program "$name")
    ldd "$found" | awk '{ for (n = 1; n <= NF; n++) if ($n ~ /^\//) print $n }' | xargs cp -Lu -t "$of/lib"
    loader=$(ldd "$found" | awk '$1 ~ /^\/.*\/ld-/ { print $1 }')
    cp "$found" "$of/programs/"
    cat >"$of/bin/$name" <<END
#!/bin/sh
exec $of/lib/${loader##*/} --library-path $of/lib $of/programs/$name "\$@"
END
    chmod 755 "$of/bin/$name"
done
rm "$0"
