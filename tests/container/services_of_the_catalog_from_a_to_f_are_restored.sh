# Each entry of the catalog from A-F, declared in two lines: what it expects tells its data, what it leaves out of a
# backup is no part of that, and what was lost is there before its units start, also after its own checks.

. /usr/lib/preseed-tests/catalog.sh
lose_of_catalog '[a-f]*'

#: reboot
. /usr/lib/preseed-tests/catalog.sh
all_are_restored
