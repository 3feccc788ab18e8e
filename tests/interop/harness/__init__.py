"""Real peers for the tests: network namespaces, a guest kernel as a process, a packet tap.

    client namespace          wire namespace (a router)                     guest kernels
    [ vc 10.66.1.2 ]--veth--[ vw 10.66.1.254    tapN 10.66.(10+N).254 ]==[ eth 10.66.(10+N).1 ]

The programs under test run in the client namespace, the peers that need the kernel's PPP run in
guests (user-mode Linux: a kernel that is a process, on this machine's files, read-only). Nothing
is made in the machine's own network namespace.
"""
