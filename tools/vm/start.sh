# Process 1 of the VM, on the overlay of the host's root: makes it a host with the modules that
# tests need, runs tools/vm/inside.ts on the channel's job, and switches the VM off.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TMPDIR=/tmp LC_ALL=C.UTF-8 NO_COLOR=1
export NETLOOM_PRIVATE_HOST=1 NETLOOM_VM=1
channel=/run/netloom-vm
cd "$1" || exit 1

mount -t sysfs sys /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p /dev/pts /dev/shm /run/lock /run/netns "/lib/modules/$(uname -r)"
mount -t devpts devpts /dev/pts
mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t tmpfs -o mode=0755 netloom-test /run/netns
while read -r dir; do
  mkdir -p "$dir"
  mount -t tmpfs -o mode=0755 netloom-test "$dir"
done <"$channel/hidden"
mount --bind "$(cat "$channel/modules")" "/lib/modules/$(uname -r)"
# What setns and unshare in tests shall not spread to each other.
mount --make-rprivate /

modprobe -a $(sed 's/#.*//' tools/vm/modules.txt) 2>&1 | sed 's/^/start.sh: /'
ip link set lo up
hostname netloom-vm
# A slow machine is not a hung one.
echo 0 >/proc/sys/kernel/hung_task_timeout_secs 2>/dev/null

"$(cat "$channel/bun")" tools/vm/inside.ts "$channel"
echo "start.sh: ended with status $?"
sync
busybox poweroff -f
