# Run in a root with the packages of kernel-packages, and kernel.config and kernel-patches in /usr/src: leaves a user-mode
# Linux with ZFS in /usr/src/built.
set -eu
cd /usr/src

# Debian's backports have kernels that are new enough for user-mode Linux's way of catching system calls by seccomp.
sed -n 's/^\(deb .*\) trixie \(main\)/\1 trixie-backports \2/p' /etc/apt/sources.list >/etc/apt/sources.list.d/backports.list
apt-get update
apt-get download zfs-dkms
dpkg -x zfs-dkms_*.deb .
zfs=$(echo usr/src/zfs-*)
newest=$(sed -n 's/^Linux-Maximum: *//p' "$zfs/META")

# The newest kernel that this ZFS knows.
package=$(
    apt-cache search --names-only '^linux-source-[0-9]+[.][0-9]+$' | sed 's/ .*//' | sort --version-sort |
        while read -r package; do
            version=${package#linux-source-}
            [ "$(printf '%s\n' "$version" "$newest" | sort --version-sort | tail -n 1)" = "$newest" ] && echo "$package"
        done | tail -n 1
)
oldest=6.16
version=${package#linux-source-}
if [ "$(printf '%s\n' "$oldest" "$version" | sort --version-sort | head -n 1)" != "$oldest" ]; then
    echo "no kernel's source from $oldest to $newest: the newest is ${package:-none}" >&2
    exit 1
fi
apt-get download "$package"
dpkg -x "$package"_*.deb .
tar --extract --file="usr/src/$package.tar.xz"
source=/usr/src/$package
objects=/usr/src/objects
mkdir "$objects"

# They save time and change nothing else, so one that does not fit this kernel is left out.
for patch in kernel-patches/*.patch; do
    apply() {
        patch --directory="$source" --strip=1 --force --fuzz=0 --quiet "$@" <"$patch"
    }
    if apply --dry-run; then
        apply
    else
        echo "${patch##*/} does not fit $package: the quick machine is slower without it" >&2
    fi
done

# ARCH=um makes of the kernel a program.
in_kernel() {
    make --silent --directory="$source" O="$objects" ARCH=um "$@"
}
jobs=$(nproc)
in_kernel x86_64_defconfig
"$source/scripts/kconfig/merge_config.sh" -m -O "$objects" "$objects/.config" kernel.config
in_kernel olddefconfig
in_kernel -j"$jobs" modules_prepare

# ZFS is a part of the kernel: to load it as a module takes a tenth of a boot.
(
    cd "$zfs"
    # At each start it measures for 60 ms which of its checksums' implementations is the quickest.
    sed -i 's/MSEC2NSEC(1)/USEC2NSEC(20)/' module/zcommon/zfs_fletcher.c module/zfs/vdev_raidz_math.c module/zfs/zfs_chksum.c ||
        echo "how ZFS measures them has changed: the quick machine boots slower" >&2
    ./configure --quiet --disable-dependency-tracking --prefix=/usr --with-config=kernel --enable-linux-builtin \
        --with-linux="$source" --with-linux-obj="$objects" KERNEL_ARCH=um
    ./copy-builtin "$source"
)
# Its version, which it takes from git otherwise.
echo "#define ZFS_META_GITREV \"${zfs##*/}\"" >"$source/include/zfs/zfs_gitrev.h"
echo CONFIG_ZFS=y >>"$objects/.config"
in_kernel olddefconfig
in_kernel -j"$jobs" linux modules

mkdir -p built/modules
cp "$objects/linux" built/linux
strip built/linux
release=$(cat "$objects/include/config/kernel.release")
in_kernel INSTALL_MOD_PATH=/usr/src/installed INSTALL_MOD_STRIP=1 modules_install
if ! grep --quiet '/zfs[.]ko$' "installed/lib/modules/$release/modules.builtin"; then
    echo "$package was built without ZFS: its copy-builtin does not fit" >&2
    exit 1
fi
rm -f "installed/lib/modules/$release/build" "installed/lib/modules/$release/source"
mv "installed/lib/modules/$release" built/modules/
