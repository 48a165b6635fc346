# shellcheck shell=bash
# Starts of SERVICES services whose data is there, one after the other, beside as many bare calls of zfs and one listing; and
# what tells of all of them at once.

ASKED=type,guid,origin,keystatus,readonly,mountpoint,canmount,recordsize,compression,preseed:state

prepare() {
    declare_default_host
    zfs create -o mountpoint=none tank/services
    with_data 1 "$SERVICES"
}

# each COMMAND: for every service.
each() {
    for ((number = 1; number <= SERVICES; number++)); do
        "$@" "app$number" || return 1
    done
}

start() { # NAME
    /usr/lib/preseed/dataset-helper apply "$1" && /usr/lib/preseed/preseed-helper run "$1"
}

get() { # NAME
    zfs get -H -p -o property,source,value "$ASKED" "tank/services/$1"
}

# The helpers without a question: they read all declarations, and end at a name that is none.
parse() { # NAME
    ! /usr/lib/preseed/dataset-helper apply "no-$1" && ! /usr/lib/preseed/preseed-helper run "no-$1"
}

helpers() { each start; }
gets() { each get; }
parses() { each parse; }
listing() { zfs get -H -p -o name,property,source,value -d 1 -t filesystem "$ASKED" tank/services; }

# It says that nothing could restore them: they have no snapshot.
status() { preseedctl status >/dev/null || (($? == 1)); }
differences() { preseedctl diff >/dev/null; }
list() { zfs list -H -o name -r tank/services >/dev/null; }

both() {
    timed helpers helpers
    timed parses parses
}

bare() { timed gets gets; }

round() {
    in_turn both bare
    timed listing listing
    timed status status
    timed differences differences
    timed list list
}
