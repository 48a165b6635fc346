# What must be the same however often the restore was interrupted: printed, without names, times and numbers
# that are new each time.

assert_active sonarr.service
assert_series 'The Expanse'
assert_same_tree /var/tmp/before /var/lib/sonarr
[[ ! -e /var/tmp/before-config ]] || assert_same_tree /var/tmp/before-config /etc/sonarr
if systemctl --quiet is-active long-send; then
    systemctl stop long-send
    systemctl start storage-preseed-kept.service
fi
{
    findmnt --real --noheadings --list --output=TARGET,SOURCE,FSTYPE | sort
    zfs list -H -r -t filesystem,volume,snapshot -s name -o name,origin,canmount,mountpoint,mounted,readonly,recordsize,compression,overlay,acltype,xattr,org.openzfs.systemd:ignore,receive_resume_token tank vault
    zfs get -H -r -t filesystem -o name,value,source preseed:state,preseed:kept tank vault
    zfs get -H -r -t filesystem -s local -o name,property,value all tank | grep -v preseed: | sort
    ls -A /var/lib
    [[ ! -d /run/preseed/staging ]] || ls -A /run/preseed/staging
    getfattr --absolute-names --dump --match='^trusted' /var/lib/sonarr /var/lib/.sonarr* 2>/dev/null || true
} | sed -E -e 's/-kept-[0-9TZ.]+/-kept-WHEN/g' -e 's/(of=guid:)[0-9]+/\1GUID/g' -e 's/(of=inode:)[0-9:]+/\1INODE/g' -e 's/(at|set)=[^ ]+/\1=WHEN/g' -e 's/ (age|counted)=[^ ]+//g' -e 's/[0-9a-f]{64}/SNAPSHOT/g' -e 's/autosnap_[0-9_:-]+/autosnap_WHEN/g'
