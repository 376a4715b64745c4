// SPDX-License-Identifier: GPL-2.0

internal import CShim
internal import Glibc
internal import SystemPackage

/// A generic netlink family: its number, and its multicast groups by name.
struct GenericFamily {
    let id: UInt16
    let groups: [String: UInt32]

    /// - Throws: `ENOENT` where the kernel has no such family.
    init(named name: String, over socket: borrowing NetlinkSocket) throws(KernelError) {
        var family = ppiov_family()
        try socket.request(
            "resolving generic netlink family \(name)",
            build: { ppiov_msg_family_get($0, $1, $2, name) },
            each: { (message) throws(KernelError) in
                try check(
                    ppiov_parse_family(message.baseAddress, message.count, &family), "reading netlink family \(name)")
            })
        guard family.id != 0 else {
            throw KernelError("resolving generic netlink family \(name)", errno: .noSuchFileOrDirectory)
        }
        id = family.id
        groups = withUnsafeBytes(of: family.groups) { bytes in
            let all = bytes.bindMemory(to: ppiov_group.self).prefix(Int(family.group_count))
            return Dictionary(all.map { (String(characters: $0.name), $0.id) }, uniquingKeysWith: { first, _ in first })
        }
    }
}

/// A netlink socket for the requests of one generic netlink family.
struct FamilySocket: ~Copyable {
    let socket: NetlinkSocket
    let family: GenericFamily

    /// - Parameter receiveBufferSize: see ``NetlinkSocket``.
    init(_ name: String, receiveBufferSize: Int = Int(PPIOV_DATAGRAM_MAX)) throws(KernelError) {
        let socket = try NetlinkSocket(protocol: CInt(PPIOV_NETLINK_GENERIC), receiveBufferSize: receiveBufferSize)
        family = try GenericFamily(named: name, over: socket)
        self.socket = socket
    }

    /// Writes a request to a buffer, given the family's and the sequence number; one of the shim's `ppiov_msg_*`.
    typealias Builder = (UnsafeMutableRawPointer, Int, UInt16, UInt32) -> CInt

    /// Reads one message; one of the shim's `ppiov_parse_*`.
    typealias Parser<Raw> = (UnsafeRawPointer?, Int, UnsafeMutablePointer<Raw>?) -> CInt

    /// Makes a request and reads every message of its reply. Those for which `make` returns nil are skipped.
    borrowing func all<Raw, Value>(
        _ operation: String, _ empty: Raw, capacity: Int = 512, build: Builder, parse: Parser<Raw>, _ make: (Raw) -> Value?
    ) throws(KernelError) -> [Value] {
        let id = family.id
        var values: [Value] = []
        try socket.request(operation, capacity: capacity, build: { build($0, $1, id, $2) }) { (message) throws(KernelError) in
            var raw = empty
            try check(parse(message.baseAddress, message.count, &raw), operation)
            if let value = make(raw) { values.append(value) }
        }
        return values
    }

    /// Makes a request and reads its one reply.
    ///
    /// - Throws: `EBADMSG` where the reply is empty.
    borrowing func one<Raw, Value>(
        _ operation: String, _ empty: Raw, capacity: Int = 512, build: Builder, parse: Parser<Raw>, _ make: (Raw) -> Value?
    ) throws(KernelError) -> Value {
        let values = try all(operation, empty, capacity: capacity, build: build, parse: parse, make)
        guard let value = values.first else {
            throw KernelError(operation, errno: Errno(rawValue: EBADMSG), message: "an empty reply")
        }
        return value
    }

    /// Makes a request that is only acknowledged.
    borrowing func change(_ operation: String, build: Builder) throws(KernelError) {
        let id = family.id
        try socket.request(operation, build: { build($0, $1, id, $2) }, each: { (_) throws(KernelError) in })
    }

    /// Sends a request and does not read the reply.
    borrowing func send(_ operation: String, capacity: Int = 512, build: Builder) throws(KernelError) {
        let id = family.id
        try socket.send(operation, capacity: capacity, build: { build($0, $1, id, $2) })
    }
}
