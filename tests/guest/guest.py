#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The stock-kernel tier: boots Debian's generic kernel in QEMU, on this machine's own files, and runs tests there.

guest.py [PYTEST ARGUMENT...]       what is listed in TESTS, or these files
guest.py --run COMMAND [ARGUMENT..] a command, to look at something by hand

All it makes is in build/guest. The guest sees the whole machine read-only below a scratch file system; what is to outlive
it goes to /run/guest, which is build/guest/exchange here. Emulation it is (TCG): slow, but the same everywhere, and
/dev/kvm may be there without working."""
import fcntl
import glob
import gzip
import lzma
import os
import shlex
import shutil
import struct
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
GUEST = os.path.join(ROOT, "build", "guest")
EXCHANGE = os.path.join(GUEST, "exchange")
BUSYBOX = "busybox-static"
BOOT_MODULES = ["virtio_pci", "virtio_console", "9pnet_virtio", "9p", "overlay"]
BOOT_LIMIT_S, LIMIT_S = 120, 1800
# Of the net tier: what depends on the kernel most, and is quick under emulation.
TESTS = ["tests/guest", "tests/net/test_moves.py::test_ping_pong", "tests/net/test_moves.py::test_both_hooks",
         "tests/net/test_moves.py::test_traffic_outlives_the_daemons", "tests/net/test_dataplane.py::test_wire_format",
         "tests/net/test_dataplane.py::test_segmented_datagrams", "tests/net/test_dataplane.py::test_small_path",
         "tests/net/test_fa.py::test_is_discovered", "tests/net/test_fa.py::test_encapsulating_delivery"]


def path(*names):
    return os.path.join(GUEST, *names)


def run(*argv, **kwargs):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True, **kwargs).stdout


def kernel_package():
    """What the package of Debian's current kernel is called: its name changes with the ABI."""
    for line in run("apt-cache", "depends", "linux-image-amd64").splitlines():
        if line.strip().startswith("Depends: linux-image-"):
            return line.split()[-1]
    sys.exit("guest: apt knows no package linux-image-amd64")


def unpack(package):
    """Fetches a package and lays out its files, without installing it. Returns where."""
    target = path(package)
    if not os.path.isdir(target):
        print(f"guest: fetching {package}", flush=True)
        os.makedirs(path("packages"), exist_ok=True)
        run("apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", package, cwd=path("packages"))
        deb = max(glob.glob(path("packages", f"{package}_*.deb")), key=os.path.getmtime)
        run("dpkg-deb", "-x", deb, target + ".new")
        os.unlink(deb)
        os.rename(target + ".new", target)
    return target


def decompress(bzimage, target):
    """The kernel itself out of the file that decompresses it (Documentation/x86/boot.rst): emulating that takes longer
    than all the rest of the start."""
    with open(bzimage, "rb") as f:
        image = f.read()
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = ((image[0x1f1] or 4) + 1) * 512 + offset
    payload = image[start:start + length]
    if payload.startswith(b"\xfd7zX"):
        kernel = lzma.LZMADecompressor().decompress(payload)
    else:
        kernel = gzip.decompress(payload[:-4])
    with open(target, "wb") as f:
        f.write(kernel)


def initramfs(kernel, release, busybox):
    tree = path("initramfs")
    shutil.rmtree(tree, ignore_errors=True)
    for d in ("bin", "modules", "proc", "sys", "dev", "host", "scratch", "machine"):
        os.makedirs(os.path.join(tree, d))
    shutil.copy(os.path.join(busybox, "bin", "busybox"), os.path.join(tree, "bin"))
    shutil.copy(os.path.join(HERE, "init.sh"), os.path.join(tree, "init"))
    os.chmod(os.path.join(tree, "init"), 0o755)
    order = []
    for m in BOOT_MODULES:
        for line in run("/sbin/modprobe", "-d", kernel, "-S", release, "--show-depends", m).splitlines():
            if line.startswith("insmod") and line.split()[1] not in order:
                order.append(line.split()[1])
    for m in order:
        shutil.copy(m, os.path.join(tree, "modules"))
    with open(os.path.join(tree, "modules", "order"), "w") as f:
        f.writelines(os.path.basename(m) + "\n" for m in order)
    files = run("find", ".", cwd=tree)
    with open(path("initramfs.cpio"), "wb") as f:
        subprocess.run([os.path.join(busybox, "bin", "busybox"), "cpio", "-o", "-H", "newc"], cwd=tree,
                       input=files.encode(), stdout=f, stderr=subprocess.DEVNULL, check=True)


def prepare():
    """Returns the directory of the kernel's modules."""
    package = kernel_package()
    kernel, busybox = unpack(package), unpack(BUSYBOX)
    release = package.removeprefix("linux-image-")
    if not os.path.exists(path(package, "vmlinux")):
        run("/sbin/depmod", "-b", kernel, release)
        decompress(os.path.join(kernel, "boot", f"vmlinuz-{release}"), path("vmlinux"))
        os.rename(path("vmlinux"), path(package, "vmlinux"))
    initramfs(kernel, release, busybox)
    return os.path.join(kernel, "vmlinux"), os.path.join(kernel, "lib", "modules", release)


def share(tag, directory, options=""):
    return ["-fsdev", f"local,id={tag},path={directory},security_model=none{options}",
            "-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"]


def machine(kernel, modules):
    return ["nice", "-n", "19", "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-machine", "q35", "-accel", "tcg", "-cpu", "max,la57=off", "-smp", "1", "-m", "2048",
            "-kernel", kernel, "-initrd", path("initramfs.cpio"),
            # Fixed addresses let the emulator use again what it has translated.
            "-append", "console=ttyS0 loglevel=4 panic=-1 mitigations=off norandmaps cryptomgr.notests tsc=reliable",
            "-serial", f"file:{EXCHANGE}/console", "-device", "virtio-rng-pci",
            "-chardev", f"file,id=output,path={EXCHANGE}/output",
            "-device", "virtio-serial-pci", "-device", "virtserialport,chardev=output,name=output",
            *share("host", "/", ",readonly=on,multidevs=remap"), *share("modules", modules, ",readonly=on"),
            *share("exchange", EXCHANGE)]


def follow(process):
    """Shows what the guest says until it is over. Returns whether it took too long."""
    start = time.monotonic()
    with open(os.path.join(EXCHANGE, "output"), errors="replace") as output:
        while True:
            try:
                process.wait(0.25)
                over = True
            except subprocess.TimeoutExpired:
                over = False
            sys.stdout.write(output.read())
            sys.stdout.flush()
            if over:
                return False
            started = os.path.exists(os.path.join(EXCHANGE, "started"))
            if time.monotonic() - start > (LIMIT_S if started else BOOT_LIMIT_S):
                return True


def boot(command):
    """Runs a command in a guest. Returns its exit status, or None when the guest did not get to its end."""
    kernel, modules = prepare()
    shutil.rmtree(EXCHANGE, ignore_errors=True)
    os.makedirs(EXCHANGE)
    shutil.copy(os.path.join(HERE, "inside.sh"), EXCHANGE)
    with open(os.path.join(EXCHANGE, "command"), "w") as f:
        f.write(f"cd {shlex.quote(ROOT)}\n{shlex.join(command)}\n")
    open(os.path.join(EXCHANGE, "output"), "w").close()
    process = subprocess.Popen(machine(kernel, modules), stdin=subprocess.DEVNULL)
    try:
        late = follow(process)
    finally:
        process.kill()
        process.wait()
    try:
        with open(os.path.join(EXCHANGE, "status")) as f:
            return int(f.read())
    except FileNotFoundError:
        with open(os.path.join(EXCHANGE, "console"), errors="replace") as f:
            print("guest:", "it took too long" if late else "it died", "and its console says:\n" + f.read()[-3000:])
        return None


def totals():
    """Of the report that pytest left: passed, failed, skipped."""
    try:
        suite = ElementTree.parse(os.path.join(EXCHANGE, "report.xml")).getroot().find("testsuite").attrib
    except FileNotFoundError:
        return 0, 1, 0
    failed, skipped = int(suite["failures"]) + int(suite["errors"]), int(suite["skipped"])
    return int(suite["tests"]) - failed - skipped, failed, skipped


def main():
    os.makedirs(GUEST, exist_ok=True)
    with open("/tmp/holdfast-guest.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a guest keeps a processor busy: one at a time
        if sys.argv[1:2] == ["--run"]:
            status = boot(sys.argv[2:])
            return 125 if status is None else status
        boot(["env", f"HF_BUILD={os.path.join(ROOT, 'build', 'release')}", "PYTHONDONTWRITEBYTECODE=1",
              "/usr/bin/python3", "-m", "pytest", "-v", "--no-header", "-rs", "-p", "no:cacheprovider", "--durations=0",
              "--junitxml=/run/guest/report.xml", *(sys.argv[1:] or TESTS)])
        passed, failed, skipped = totals()
        print(f"{passed} passed, {failed} failed, {skipped} skipped")
        return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
