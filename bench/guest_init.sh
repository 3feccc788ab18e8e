#!/bin/bash
# Process 1 of a bench's guest: this machine's files read-only, writable places in memory, modules, then the
# measurement. On the kernel's command line: bench=FOLDER of this file, plan=FILE, results=TERMINAL, modules=FOLDER
# of all kernels' modules.
export PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin HOME=/run TMPDIR=/run LANG=C.UTF-8
mountpoint -q /proc || mount -t proc proc /proc
mountpoint -q /sys || mount -t sysfs sys /sys
mountpoint -q /dev || mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
for place in /run /var/log /etc/ppp /dev/shm; do mount -t tmpfs tmpfs $place; done
mkdir -p /run/lock /run/log /run/ppp /run/pptp /run/pptpd /run/netns
touch /etc/ppp/options

value() { sed -n "s/.*\b$1=\([^ ]*\).*/\1/p" /proc/cmdline; }

# modprobe looks for lib/modules below the directory it is given.
mkdir -p /run/root/lib
ln -s "$(value modules)" /run/root/lib/modules
modprobe -d /run/root -a ppp_async ppp_synctty ppp_mppe pptp tun veth
mkdir -p /dev/net
[ -e /dev/ppp ] || mknod /dev/ppp c 108 0
[ -e /dev/net/tun ] || mknod /dev/net/tun c 10 200
hostname guest
ip link set lo up

stty -F "$(value results)" raw -echo
python3 "$(value bench)/peers_guest.py" "$(value plan)" >"$(value results)" </dev/null
sync
echo o >/proc/sysrq-trigger
sleep 5
