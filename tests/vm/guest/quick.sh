# Run in the quick guest's root, after the files of quick/: leaves out what costs time there and no scenario asks for.
set -eu

mask() {
    for unit; do ln -sf /dev/null "/etc/systemd/system/$unit"; done
}
# Nodes are made by the kernel, its modules by the host; nothing here is measured, shared or rebuilt.
mask kmod-static-nodes.service systemd-modules-load.service systemd-sysctl.service \
    systemd-tmpfiles-setup-dev-early.service systemd-tmpfiles-setup-dev.service \
    ldconfig.service systemd-firstboot.service systemd-hwdb-update.service systemd-machine-id-commit.service \
    systemd-pcrlock.socket systemd-pcrextend.socket systemd-pcrmachine.service systemd-pcrphase-sysinit.service \
    systemd-pcrphase.service systemd-random-seed.service \
    run-lock.mount systemd-creds.socket systemd-initctl.socket systemd-sysext.socket \
    zfs-share.service zfs-volume-wait.service zfs-volumes.target

# At each boot and each reload, systemd opens the units that others name, and masked ones as well. So what is masked is removed,
# and so are the links to it.
units=/usr/lib/systemd/system
for masked in $(find /etc/systemd/system /etc/systemd/system-generators -maxdepth 1 -lname /dev/null); do
    name=${masked##*/}
    rm -f "$masked" "$units/$name" "/usr/lib/systemd/system-generators/$name"
done
# The same for what no boot of this machine comes to: it has no initrd, no TPM, and nothing to check, update or hibernate.
(cd "$units" && rm -r initrd* soft-reboot.target syslog.socket systemd-battery-check* systemd-bsod* systemd-fsck* \
    systemd-hibernate* systemd-journal-catalog-update* systemd-journald-audit.socket systemd-pcr* systemd-quotacheck* \
    systemd-soft-reboot* systemd-sysext* systemd-update-done* tpm2.target)
find "$units" /etc/systemd/system -xtype l -delete
# Each file of it is read at each boot as well.
(cd /usr/lib/tmpfiles.d && rm 20-systemd-*.conf credstore.conf home.conf legacy.conf libselinux1.conf provision.conf \
    systemd-network.conf systemd-nologin.conf systemd-pstore.conf x11.conf)

# What a user-mode Linux has no such hardware for.
cd /usr/lib/udev
rm -rf hwdb.bin hwdb.d
for kind in alsa autosuspend camera cdrom drm evdev fido infiniband input joystick memory mouse mtd power-switch seat \
    sensor serial sound tape touchpad uaccess v4l; do
    rm -f rules.d/*"$kind"*.rules
done
# Nor do its disks have names of a rack, other file systems, or a driver to load: ZFS is in the kernel.
for rules in 50-firmware 60-dmi-id 64-btrfs 69-vdev 73-special-net-names 75-net-description 80-drivers \
    80-net-setup-link 81-net-dhcp 90-iocost 90-zfs; do
    rm "rules.d/$rules.rules"
done

# Each machine copies its disk: a smaller one is there sooner. PostgreSQL does without a compiler of its own.
rm -rf /usr/lib/x86_64-linux-gnu/libLLVM* /usr/lib/x86_64-linux-gnu/libz3* \
    /usr/lib/postgresql/*/lib/llvmjit* /usr/lib/postgresql/*/lib/bitcode \
    /usr/lib/x86_64-linux-gnu/perl/*/CORE /usr/libexec/podman/podman-testing /usr/share/i18n
