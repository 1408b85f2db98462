#!/bin/sh
# Makes the namespaces that it runs in a host of their own, beside the machine's: writes to /etc,
# /opt, /run and /var vanish with it, and one link leads to an outside client. Runs as the first
# process of its PID namespace: when its standard input closes it ends, and everything with it.
set -e

mount -t tmpfs none /mnt
mkdir /mnt/cgroup
mount --rbind /sys/fs/cgroup /mnt/cgroup
mount -t sysfs none /sys
mount --rbind /mnt/cgroup /sys/fs/cgroup

for dir in etc opt var; do
  mkdir -p "/mnt/$dir/upper" "/mnt/$dir/work"
  mount -t overlay none -o "lowerdir=/$dir,upperdir=/mnt/$dir/upper,workdir=/mnt/$dir/work" "/$dir"
done
mount -t tmpfs none /run
mkdir -p /run/netns /run/lock /etc/cni/net.d /opt/cni/bin
# What the machine has configured or stored there is no part of this host.
for dir in /etc/cni/net.d /opt/cni/bin /var/lib/containers /var/lib/containerd /var/lib/cni \
  /var/lib/netloom; do
  mkdir -p "$dir"
  mount -t tmpfs none "$dir"
done

ip link set lo up
ip netns add client
ip -n client link set lo up
ip link add uplink type veth peer name eth0 netns client
# No link-local address: it would appear in the middle of a test.
ip link set uplink addrgenmode none
ip address add 198.51.100.1/24 dev uplink
ip address add 2001:db8:1::1/64 dev uplink nodad
ip link set uplink up
ip -n client address add 198.51.100.2/24 dev eth0
ip -n client address add 2001:db8:1::2/64 dev eth0 nodad
ip -n client link set eth0 up
ip route add default via 198.51.100.2
ip -6 route add default via 2001:db8:1::2

echo ready
# Not exec: this shell must outlive its standard input to reap what daemons leave.
read -r _ || true
