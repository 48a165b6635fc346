# Run in the guest's root after its packages and the files of root/.
set -eu

useradd --system --home-dir /var/lib/sonarr --no-create-home --shell /usr/sbin/nologin sonarr
pg_lsclusters --no-header | while read -r version name _; do pg_dropcluster "$version" "$name"; done
mkdir -p /var/log/journal
# Zero in a cloud image: ZFS would take the pools for another machine's.
zgenhostid -f 00f0463e

# What a boot under emulation need not spend its time on.
mask() {
    for unit; do ln -sf /dev/null "/etc/systemd/system/$unit"; done
}
mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
    e2scrub_reap.service fstrim.timer logrotate.timer man-db.timer podman-auto-update.timer
mask getty.target getty@tty1.service serial-getty@ttyS0.service \
    systemd-ask-password-console.path systemd-ask-password-wall.path \
    systemd-logind.service systemd-user-sessions.service systemd-update-utmp.service
mask dev-hugepages.mount dev-mqueue.mount proc-sys-fs-binfmt_misc.automount \
    sys-fs-fuse-connections.mount sys-kernel-config.mount sys-kernel-debug.mount \
    sys-kernel-tracing.mount modprobe@configfs.service modprobe@drm.service \
    modprobe@efi_pstore.service modprobe@fuse.service
mask netavark-dhcp-proxy.service netavark-dhcp-proxy.socket netavark-firewalld-reload.service \
    systemd-binfmt.service systemd-boot-random-seed.service systemd-hibernate-clear.service \
    systemd-hostnamed.socket systemd-network-generator.service systemd-pstore.service \
    systemd-tpm2-setup.service systemd-tpm2-setup-early.service \
    systemd-udev-load-credentials.service
mkdir -p /etc/systemd/system-generators
for generator in debug getty gpt-auto hibernate-resume rc-local run ssh system-update sysv tpm2; do
    ln -sf /dev/null "/etc/systemd/system-generators/systemd-$generator-generator"
done
# A scenario starts Sanoid by itself, with a configuration of its own.
rm -f /etc/systemd/system/timers.target.wants/sanoid.timer
ln -sf ../vm-agent.service /etc/systemd/system/sysinit.target.wants/vm-agent.service

rm -rf /var/cache/apt /var/lib/apt/lists
