#!/bin/sh
# Makes what the virtual machines of the tests boot: the kernel of Debian's cloud image, and an initramfs of busybox, the kernel's
# virtio modules and guest-init. In node_modules/.cache/guest; made once. Says what is missing, and leaves it to test/needs.ts.
here=$(cd "$(dirname "$0")" && pwd)
guest=$here/../../node_modules/.cache/guest
[ "$guest/initrd.gz" -nt "$here/guest-init" ] && [ "$guest/initrd.gz" -nt "$0" ] && exit 0
case $(uname -m) in
  x86_64) meta=linux-image-cloud-amd64 ;;
  aarch64) meta=linux-image-cloud-arm64 ;;
  *) echo "guest: no kernel for $(uname -m)" >&2; exit 0 ;;
esac
work=$(mktemp -d) || exit 0
trap 'rm -rf "$work"' EXIT
fail() { echo "guest: $1" >&2; exit 0; }
cd "$work" || exit 0
kernel() { apt-cache depends "$meta" 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-.*\)/\1/p' | head -n 1; }
if ! ls "$guest"/linux-image-*.deb >/dev/null 2>&1; then
  apt-get download -q "$(kernel)" >log 2>&1 || { apt-get update -q && apt-get download -q "$(kernel)"; } >log 2>&1 ||
    fail "apt-get download $meta failed: $(tail -n 1 log)"
  mkdir -p "$guest" && mv linux-image-*.deb "$guest"
fi
dpkg-deb -x "$guest"/linux-image-*.deb kernel || fail 'dpkg-deb failed'
mkdir -p root/bin root/modules
cp "$(command -v busybox)" root/bin/busybox || fail 'no busybox'
cp "$here/guest-init" root/init && chmod 755 root/init
for module in virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci failover net_failover virtio_net; do
  find kernel/lib/modules -name "$module.ko" -exec cp {} root/modules/ \;
done
(cd root && find . | cpio -o -H newc --quiet | gzip -1) >"$guest/initrd.new" || fail 'no initramfs'
cp kernel/boot/vmlinuz-* "$guest/vmlinuz"
mv "$guest/initrd.new" "$guest/initrd.gz"
