# The repository holds the data under another host name, other tags or another path: the service does not start empty.
# The message has the line to write, and with that line the data is restored.

declare_default_host
repository_init
declare_sonarr
reload
systemctl start sonarr
add_series 'The Expanse'
systemctl stop sonarr
host=$(hostname)

# doubt REGEX: a service that nothing is known of is refused with these words.
doubt() {
    reload
    assert_refused sonarr "repository local: it holds what may be sonarr's data: .*$1"
    assert_exit 1 preseedctl plan sonarr
    assert_matches "$output" "in doubt: repository local: .*$1"
}
# declared LINE...: Sonarr with these lines below [backup].
declared() {
    declare_service sonarr <<-EOT
	template = "sonarr"
	[backup]
	repository = "local"
	$(printf '%s\n' "$@")
	EOT
}
# on_a_new_machine: the directory is gone, and so is what the machine remembers.
on_a_new_machine() {
    lose_data /var/lib/sonarr
    rm -rf /var/lib/preseed
}
restored() {
    reload
    systemctl reset-failed
    systemctl start sonarr
    assert_series 'The Expanse'
    systemctl stop sonarr
}
no_backups() {
    rm -rf "$REPOSITORY"/{snapshots,index,data,locks}/*
}

# The long host name.
in_repository backup --quiet --host "$host.lan" --tag sonarr,media,database /var/lib/sonarr
on_a_new_machine
doubt "a snapshot of /var/lib/sonarr of host $host.lan with tags sonarr, media, database"
doubt "write .host = \"$host.lan\". below \[backup\] in /etc/preseed/services/sonarr.toml"
declared "host = \"$host.lan\""
restored

# A tag that is misspelt, and one too few: those of the service are other ones now.
no_backups
backup /var/lib/sonarr sonar
backup /var/lib/sonarr sonar
on_a_new_machine
declared 'tags = ["sonarr"]'
doubt "2 snapshots of /var/lib/sonarr of host $host with tags sonar, the newest of them of .*tags = \[\"sonar\"\]"
declared 'tags = ["sonar"]'
restored

# Another path: by its tags, and by its name.
for tag in sonarr ''; do
    no_backups
    mkdir -p "/srv/old/${tag:-x}"
    cp -a /var/lib/sonarr "/srv/old/${tag:-x}"
    if [[ $tag ]]; then
        mv /srv/old/sonarr/sonarr /srv/old/sonarr/data
        path=/srv/old/sonarr/data
    else
        path=/srv/old/x/sonarr
    fi
    in_repository backup --quiet --host "$host" ${tag:+--tag $tag} "$path"
    on_a_new_machine
    declared 'tags = ["sonarr"]'
    doubt ".path = \"$path\"."
    declared "path = \"$path\"" "tags = [${tag:+\"$tag\"}]"
    restored
done

# What is not wanted is given up: the service starts empty, and is not asked about it again.
on_a_new_machine
declared 'tags = ["sonarr"]'
doubt 'preseedctl forget sonarr. lets the service start empty'
preseedctl forget --yes sonarr
for _ in 1 2; do
    systemctl reset-failed
    systemctl start preseed-sonarr
done
assert_journal preseed-sonarr.service 'a first start'
# Nor while the repository is away: that was settled.
mv "$REPOSITORY" "$REPOSITORY.away"
systemctl start preseed-sonarr
assert_journal preseed-sonarr.service 'still empty since its first start'
# Without a record nothing proves that.
mv /var/lib/preseed /var/tmp/memory
assert_refused sonarr 'there is no repository at its address'
rm -rf /var/lib/preseed
mv /var/tmp/memory /var/lib/preseed
mv "$REPOSITORY.away" "$REPOSITORY"
# A newer one stops it, and one of its own restores it.
in_repository backup --quiet --host "$host" /srv/old/x/sonarr
assert_refused sonarr 'it holds what may be'
declared 'path = "/srv/old/x/sonarr"' 'tags = []'
restored

# The backup was told a link, and stored nothing else.
no_backups
ln -s /var/lib/sonarr /srv/link
in_repository backup --quiet --host "$host" /srv/link
on_a_new_machine
declared 'path = "/srv/link"' 'tags = []'
reload
assert_refused sonarr 'repository local: it holds /srv/link only as a link .*: restic stores a link as it is'
