# shellcheck shell=bash
# A start of a service whose data is there: both helpers, beside bare calls of zfs.

ASKED=type,guid,origin,keystatus,readonly,mountpoint,canmount,recordsize,compression,preseed:state

prepare() {
    declare_default_host
    declare_vault
    repository_init
    declare_sonarr
    reload
    systemctl start sonarr
    systemctl stop sonarr
}

helpers() {
    /usr/lib/preseed/dataset-helper apply sonarr &&
        /usr/lib/preseed/preseed-helper run sonarr
}

gets() {
    zfs get -H -p -o property,source,value "$ASKED" tank/services/sonarr &&
        zfs get -H -p -o property,source,value "$ASKED" tank/services/sonarr
}

round() {
    timed helpers helpers
    timed list zfs list -H -o name tank/services/sonarr
    timed gets gets
    timed unit systemctl start preseed-sonarr.service
}

look() {
    programs programs bash -c \
        '/usr/lib/preseed/dataset-helper apply sonarr && /usr/lib/preseed/preseed-helper run sonarr'
}
