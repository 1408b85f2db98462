#!/bin/busybox sh
# Process 1 of the VM, in its initramfs: makes the host's root visible under an overlay in memory
# and hands over to start.sh, which the project holds. Nothing written here reaches the host.
export PATH=/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t devtmpfs dev /dev
for module in /modules/*; do
  insmod "$module" || echo "init.sh: cannot load $module"
done
share() { mount -t 9p -o "trans=virtio,version=9p2000.L,msize=512000,$3" "$1" "$2"; }
share host /host ro,cache=loose
share channel /channel rw,cache=none
mount -t tmpfs -o mode=0755 memory /memory
mkdir /memory/written /memory/work
mount -t overlay -o lowerdir=/host,upperdir=/memory/written,workdir=/memory/work host /root
project=$(cat /channel/project)
# Memory of the VM's own hides what the host keeps in these; a project that lives there is shown.
for place in tmp run; do mount -t tmpfs -o mode=1777 "$place" "/root/$place"; done
while read -r path; do
  [ -e "/root$path" ] && continue
  mkdir -p "/root$path"
  mount --bind "/host$path" "/root$path"
done </channel/paths
mkdir -p /root/run/netloom-vm /root/lib/modules
mount --move /channel /root/run/netloom-vm
mount --move /dev /root/dev
mount --move /proc /root/proc
exec switch_root /root /bin/sh "$project/tools/vm/start.sh" "$project"
# The kernel panics when process 1 ends: the VM stops, and its console says why.
