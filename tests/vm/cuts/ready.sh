# The machine is prepared: what is lost is lost on the disks as well.
zpool sync
sync
