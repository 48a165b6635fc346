# Run in the workshop after its packages: checks the ZFS module, makes all modules quick to load,
# and removes what only built them.
set -eu

kernel=$(basename /lib/modules/*)
cd "/lib/modules/$kernel"
[ -e updates/dkms/zfs.ko.xz ] || [ -e updates/dkms/zfs.ko ] || dkms autoinstall -k "$kernel"

# Loaded at a boot although nothing needs them, some at the cost of a benchmark.
rm -rf kernel/arch kernel/sound \
    kernel/drivers/acpi kernel/drivers/ata kernel/drivers/comedi \
    kernel/drivers/firmware kernel/drivers/gpu kernel/drivers/hid kernel/drivers/hv \
    kernel/drivers/infiniband kernel/drivers/input kernel/drivers/media kernel/drivers/nvme \
    kernel/drivers/pci kernel/drivers/scsi kernel/drivers/target kernel/drivers/usb \
    kernel/drivers/virt kernel/drivers/xen
# The console's port is how the guest is spoken to.
find kernel/drivers/char -name '*.ko*' ! -name 'virtio_console.*' -delete
# Decompression takes seconds under emulation.
find . -name '*.ko.xz' -exec xz -d {} +
rm -f build source
depmod "$kernel"

cd /
rm -rf boot/initrd.img* usr/include usr/lib/gcc usr/libexec/gcc usr/share/mime usr/src \
    usr/lib/linux-kbuild* var/cache/apt var/lib/apt/lists var/lib/dkms
