// SPDX-License-Identifier: GPL-2.0

import Foundation
import Subprocess
import TestSupport

/// A file system in user space, in the mount namespace of one program: as 9p without a cache, it has no shared mappings (FOPEN_DIRECT_IO); with the
/// option `no-flock` it refuses flock(2), as some network file systems do, and with `all-flock` it grants every lock.
enum FuseDisk {
    enum Option: String { case noMmap = "no-mmap", noFlock = "no-flock", allFlock = "all-flock" }

    static func prefix(_ folder: String, _ option: Option) -> [String] {
        ["unshare", "-Urm", "python3", "-c", server, folder, option.rawValue]
    }

    static func works() async -> Bool {
        guard let scratch = try? TemporaryFolder() else { return false }
        let words = prefix(scratch.path, .noMmap) + ["true"]
        let result = try? await Subprocess.run(.name(words[0]), arguments: Arguments(Array(words.dropFirst())), output: .discarded, error: .discarded)
        return result?.terminationStatus.isSuccess ?? false
    }

    /// Mounts the file system, runs the rest of the arguments as a program, and ends with its status. The protocol is that of linux/fuse.h, 7.31.
    private static let server = """
        import ctypes, os, stat, struct, subprocess, sys, threading
        folder, option, words = sys.argv[1], sys.argv[2], sys.argv[3:]
        device = os.open('/dev/fuse', os.O_RDWR)
        libc = ctypes.CDLL(None, use_errno=True)
        data = 'fd=%d,rootmode=40000,user_id=0,group_id=0' % device
        if libc.mount(b'small', folder.encode(), b'fuse', 0, data.encode()):
            sys.exit('mount: ' + os.strerror(ctypes.get_errno()))
        nodes, names, last = {1: [stat.S_IFDIR | 0o755, bytearray()]}, {}, [1]
        def attr(node):
            mode, content = nodes[node]
            return struct.pack('<6Q10I', node, len(content), (len(content) + 511) // 512, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)
        def entry(node):
            return struct.pack('<4Q2I', node, 1, 0, 0, 0, 0) + attr(node)
        def make(parent, name, mode):
            last[0] += 1
            nodes[last[0]] = [mode, bytearray()]
            names[parent, name] = last[0]
            return last[0]
        opened = struct.pack('<Q2I', 1, 1 if option == 'no-mmap' else 0, 0)
        def answer(code, node, body):
            if code == 26:
                return struct.pack('<4I2H2I2HI7I', 7, 31, 65536, 1 << 10 if 'flock' in option else 0, 8, 8, 65536, 1, 16, 0, 0, *[0] * 7)
            if code == 1:
                found = names.get((node, body[:-1]))
                return entry(found) if found else -2
            if code in (3, 4):
                if code == 4 and struct.unpack_from('<I', body)[0] & 8:
                    size = struct.unpack_from('<Q', body, 16)[0]
                    del nodes[node][1][size:]
                    nodes[node][1].extend(bytes(size - len(nodes[node][1])))
                return struct.pack('<Q2I', 0, 0, 0) + attr(node)
            if code == 9: return entry(make(node, body[8:-1], stat.S_IFDIR | struct.unpack_from('<I', body)[0] & 0o7777))
            if code == 35: return entry(make(node, body[16:-1], stat.S_IFREG | 0o600)) + opened
            if code in (14, 27): return opened
            if code == 15:
                at, size = struct.unpack_from('<QI', body, 8)
                return bytes(nodes[node][1][at:at + size])
            if code == 16:
                at, size = struct.unpack_from('<QI', body, 8)
                content = nodes[node][1]
                content.extend(bytes(max(0, at - len(content))))
                content[at:at + size] = body[40:40 + size]
                return struct.pack('<2I', size, 0)
            if code in (10, 11): return b'' if names.pop((node, body[:-1]), None) else -2
            if code == 17: return struct.pack('<5Q10I', 1 << 20, 1 << 20, 1 << 20, 1 << 20, 1 << 20, 4096, 255, 4096, 0, *[0] * 6)
            if code in (31, 32, 33): return -95 if option == 'no-flock' else b''
            if code in (18, 20, 25, 28, 29, 30, 34): return b''
            return -38
        def run():
            os._exit(subprocess.run(words).returncode & 255)
        threading.Thread(target=run, daemon=True).start()
        while True:
            request = os.read(device, 1 << 20)
            size, code, unique, node = struct.unpack_from('<2I2Q', request)
            if code in (2, 42, 36): continue
            result = answer(code, node, request[40:size])
            error, result = (result, b'') if isinstance(result, int) else (0, result)
            os.write(device, struct.pack('<IiQ', 16 + len(result), error, unique) + result)
        """
}
