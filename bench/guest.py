"""Guests: a kernel that runs guest_init.sh, and in it peers_guest.py, on this machine's files.

uml      user-mode Linux: quick, but a system call is dear; its clock is this machine's
icount   an emulated PC whose clock counts instructions, one a nanosecond: nothing else on this machine changes a figure
"""

import json
import os
import pathlib
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
ENGINES = ("uml", "icount")
UML_KERNEL, UML_MODULES = "/usr/bin/linux.uml", "/usr/lib/uml/modules"
QEMU, PC_MODULES = "qemu-system-x86_64", "/lib/modules"
MEMORY_MB = 512
ROOT_MODULES = ("virtio_pci", "9pnet_virtio", "9p", "virtio_rng")  # what it takes to have this machine's files

# The guest's memory is a file: it gets a file system of its own, as /dev/shm may be small.
START_UML = 'mkdir "$1"; mount -t tmpfs -o size=$2m tmpfs "$1"; export TMPDIR="$1"; shift 2; exec "$@"'

# Process 1 of an emulated PC until it has this machine's files.
FIND_ROOT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
for module in $(cat /order); do insmod /modules/$module; done
mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=loose,ro host /root || poweroff -f
for place in proc sys dev; do mount -o move /$place /root/$place; done
exec switch_root /root INIT
"""


def needed(engine):
    """The programs without which there is no such guest."""
    return (UML_KERNEL,) if engine == "uml" else (QEMU, "busybox", "cpio")


def measure(engine, plan, folder, limit):
    """Boots a guest that carries the plan out, within `limit` seconds: its results. The folder is the guest's."""
    (folder / "plan").write_text(json.dumps(plan))
    with open(folder / "results", "wb") as results, open(folder / "console", "wb") as console:
        argv = uml(folder, results.fileno()) if engine == "uml" else icount(folder)
        subprocess.run(["unshare", "--net", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child=KILL", *argv],
                       stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT, pass_fds=[results.fileno()],
                       timeout=limit, check=False)
    text = (folder / "results").read_text(errors="replace")
    if not text.strip():
        said = "".join(path.read_text(errors="replace")[-20_000:] for path in folder.glob("console*"))
        raise RuntimeError(f"no results of {engine}:\n{said}")
    return json.loads(text)


def command_line(folder, terminal, modules):
    """What guest_init.sh reads."""
    return [f"bench={HERE}", f"plan={folder}/plan", f"results={terminal}", f"modules={modules}"]


def uml(folder, results):
    return ["sh", "-euc", START_UML, "sh", folder / "memory", str(MEMORY_MB + 64), UML_KERNEL, f"mem={MEMORY_MB}M",
            "rootfstype=hostfs", "rootflags=/", "ro", "quiet", f"init={HERE}/guest_init.sh",
            *command_line(folder, "/dev/tty1", UML_MODULES), f"umid=bench{os.getpid()}", f"uml_dir={folder}/",
            "con=null", "con0=null,fd:1", f"con1=null,fd:{results}"]


def icount(folder):
    kernels = sorted(path for path in pathlib.Path("/boot").glob("vmlinuz-*-amd64") if modules_of(path).is_dir())
    if not kernels:
        raise RuntimeError("no kernel in /boot; scripts/install-build-deps bench installs Debian's")
    return [QEMU, "-M", "q35", "-accel", "tcg,thread=single,tb-size=512", "-smp", "1", "-icount", "shift=0,sleep=off",
            "-cpu", "max", "-m", f"{MEMORY_MB}M", "-nodefaults", "-no-reboot", "-display", "none",
            "-serial", f"file:{folder}/console.pc", "-serial", f"file:{folder}/results",
            "-virtfs", "local,path=/,mount_tag=host,security_model=none,multidevs=remap,readonly=on",
            "-device", "virtio-rng-pci", "-kernel", kernels[-1], "-initrd", initial_files(folder, modules_of(kernels[-1])),
            "-append", " ".join(["console=ttyS0", "quiet", "panic=-1", "mitigations=off",
                                 *command_line(folder, "/dev/ttyS1", PC_MODULES)])]


def modules_of(kernel):
    return pathlib.Path(PC_MODULES) / kernel.name.removeprefix("vmlinuz-")


def initial_files(folder, modules):
    """An archive of what the PC needs until it has this machine's files: its path."""
    tree = folder / "initial"
    for place in ("bin", "modules", "proc", "sys", "dev", "root"):
        (tree / place).mkdir(parents=True)
    shutil.copy(shutil.which("busybox"), tree / "bin")
    listed = subprocess.run(["modprobe", "--show-depends", "-S", modules.name, "-a", *ROOT_MODULES], check=True,
                            stdout=subprocess.PIPE, text=True).stdout
    order = list(dict.fromkeys(line.split()[1] for line in listed.splitlines() if line.startswith("insmod")))
    for module in order:
        shutil.copy(module, tree / "modules")
    (tree / "order").write_text(" ".join(pathlib.Path(module).name for module in order))
    (tree / "init").write_text(FIND_ROOT.replace("INIT", str(HERE / "guest_init.sh")))
    (tree / "init").chmod(0o755)
    with open(folder / "initrd", "wb") as archive:
        subprocess.run("find . | cpio --quiet -o -H newc", shell=True, cwd=tree, stdout=archive, check=True)
    return folder / "initrd"
