# Names, mountpoints and files of secrets mean something to systemd, to a shell or to a terminal. The helpers are
# given, and the units assert, exactly what is declared. A missing secret keeps no unit down.

# In the helpers' places: they write down what they are given.
cat >/usr/lib/preseed/preseed-helper <<'EOT'
#!/bin/bash
printf '%s\0' "$@" >/run/arguments
cp "$CREDENTIALS_DIRECTORY/repository-password" "/run/password-of-${!#}" 2>/dev/null || true
EOT
chmod 0755 /usr/lib/preseed/preseed-helper
cp /usr/lib/preseed/preseed-helper /usr/lib/preseed/dataset-helper

hostile=('so narr' ' first' 'last ' '%i' '%%' '%' '$(reboot)' '${HOME}' '$$' '$HOME' '"quoted"' "'single'" '"' "'"
    'back\slash' 'last\' '\\' '\n' '\x41' ';' ';x' '#x' '[Service]' 'a=b' '--help' '-' '@x' '!x' '+x' ':x' '|x' '~' '*'
    'ünïcode' '日本' $'\u00a0' $'\u2028' 'a,b' 'a  b' '&&' '`id`')
# These can be a file's name, but not part of a declared path.
unspeakable=($'new\nline' $'\n[Service]\nExecStart=reboot' $'bell\a' $'carriage\rreturn' $'tab\t' $'\u0085' $'\ufffe')

quoted() {
    local text=${1//\\/\\\\}
    printf '"%s"' "${text//\"/\\\"}"
}

# Names

declare_default_host
mkdir -p /etc/preseed/services
for name in "${hostile[@]}" "${unspeakable[@]}"; do
    echo '[preseed]' >"/etc/preseed/services/$name.toml"
done
reload
for name in "${hostile[@]}" "${unspeakable[@]}"; do
    part=$name
    [[ $name =~ ^[A-Za-z0-9:_.-]+$ ]] || part=$(systemd-escape -- "$name")
    rm -f /run/arguments
    systemctl start -- "preseed-$part.service"
    expected=(run "$name")
    [[ $name != -* ]] || expected=(run -- "$name")
    mapfile -d '' given </run/arguments
    assert_eq "${expected[*]@Q}" "${given[*]@Q}" "what preseed-$part.service gives"
done
rm -r /etc/preseed/services

# Files of secrets, mountpoints

mkdir -p /etc/preseed/services /etc/preseed/secrets
printf '[storage]\nbackend = "zfs"\n' >/etc/preseed/preseed.toml
secrets=()
number=0
for value in "${hostile[@]}"; do
    number=$((number + 1))
    secret=/etc/preseed/secrets/$value
    # systemd 254 and newer lose a space and a backslash on the way to the process: such a path is refused.
    [[ $value != *[\ \\]* ]] || secret=/etc/preseed/secrets/plain-$number
    secrets+=("$secret")
    cat >>/etc/preseed/preseed.toml <<EOT
[repository.r$number]
url = "/nowhere"
password-file = $(quoted "$secret")
EOT
    cat >"/etc/preseed/services/s$number.toml" <<EOT
[dataset]
mountpoint = $(quoted "/srv/s$number/$value")
[preseed]
tiers = ["restic"]
[backup]
repository = "r$number"
EOT
    printf '[Service]\nType=oneshot\nExecStart=/bin/true\n' >"/etc/systemd/system/s$number.service"
    printf 'of %s' "$value" >"$secret"
    mkdir -p "/srv/s$number/$value"
done
reload
assert_eq "${#hostile[@]}" "$(find /run/systemd/generator -maxdepth 1 -name 'preseed-s*.service' | wc -l)" 'sound services'
mapfile -t services < <(seq --format='s%g.service' "${#hostile[@]}")
# An empty directory is not what was declared: something has to be mounted there.
assert_exit 1 systemctl start "${services[@]}"
number=0
for value in "${hostile[@]}"; do
    number=$((number + 1))
    assert_contains "$output" "Assertion failed on job for s$number.service" 'without its mount'
    assert_eq "of $value" "$(cat "/run/password-of-s$number")" "the secret of s$number"
    mount -t tmpfs tmpfs "/srv/s$number/$value"
    rm "${secrets[number - 1]}" "/run/password-of-s$number"
done
systemctl start "${services[@]}"
for ((number = 1; number <= ${#hostile[@]}; number++)); do
    # What stands in for a missing secret is a newline.
    assert_eq '0a' "$(od -An -tx1 "/run/password-of-s$number" | tr -d ' ')" "the missing secret of s$number"
done
