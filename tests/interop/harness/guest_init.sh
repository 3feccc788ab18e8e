#!/bin/bash
# Process 1 of a guest: this machine's files read-only, writable places in memory, the network, then
# the agent. What the harness wants it to know stands on the kernel's command line.
export PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin HOME=/run TMPDIR=/run LANG=C.UTF-8
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
for place in /run /var/log /etc/ppp /dev/shm; do mount -t tmpfs tmpfs $place; done
mkdir -p /run/lock /run/log /run/ppp /run/pptp /run/pptpd /run/netns
touch /etc/ppp/options

value() { sed -n "s/.*\b$1=\([^ ]*\).*/\1/p" /proc/cmdline; }

# modprobe looks for lib/modules below the directory it is given.
mkdir -p /run/root/lib
ln -s /usr/lib/uml/modules /run/root/lib/modules
modprobe -d /run/root -a ppp_async ppp_synctty ppp_mppe veth ifb sch_netem sch_ingress cls_matchall act_mirred
[ -e /dev/ppp ] || mknod /dev/ppp c 108 0

hostname guest
ip link set lo up
for device in vec0 eth0; do [ ! -d /sys/class/net/$device ] || break; done
ip link set $device name eth
ip link set eth up
ip address add "$(value address)" dev eth
ip route add default via "$(value gateway)"
# A packet occupies far more of a socket's buffer than its length here: small packets overrun the default.
sysctl -qw net.ipv4.ip_forward=1 net.core.rmem_max=8388608 net.core.rmem_default=8388608

python3 "$(value harness)/agent.py" /dev/tty1
echo o >/proc/sysrq-trigger
sleep 5
