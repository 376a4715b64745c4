// SPDX-License-Identifier: GPL-2.0

internal import Glibc

/// An IPv4 or IPv6 address.
public struct IPAddress: Sendable, Hashable, CustomStringConvertible {
    /// 4 or 16 bytes, in network order.
    public let bytes: [UInt8]

    /// Parses an address with inet_pton(3); nil where the text is no address.
    public init?(_ text: String) {
        for (family, count) in [(AF_INET, 4), (AF_INET6, 16)] {
            var bytes = [UInt8](repeating: 0, count: count)
            if inet_pton(family, text, &bytes) == 1 {
                self.bytes = bytes
                return
            }
        }
        return nil
    }

    fileprivate init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Every IPv6 address of this host, and every IPv4 one.
    public static let any = IPAddress(bytes: [UInt8](repeating: 0, count: 16))
    /// 127.0.0.1
    public static let loopback4 = IPAddress(bytes: [127, 0, 0, 1])
    /// ::1
    public static let loopback6 = IPAddress(bytes: [UInt8](repeating: 0, count: 15) + [1])

    /// Whether it has 16 bytes.
    public var isIPv6: Bool { bytes.count == 16 }

    public var description: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(isIPv6 ? AF_INET6 : AF_INET, bytes, &text, socklen_t(text.count)) != nil else { return "?" }
        return text.withUnsafeBytes { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}

/// An address and a TCP port.
public struct Endpoint: Sendable, Hashable, CustomStringConvertible {
    /// The address.
    public var address: IPAddress
    /// The TCP port.
    public var port: UInt16
    /// The interface of a link-local IPv6 address; 0 for none.
    public var scope: UInt32

    /// An endpoint; `scope` is needed for link-local IPv6 addresses only.
    public init(_ address: IPAddress, port: UInt16, scope: UInt32 = 0) {
        self.address = address
        self.port = port
        self.scope = scope
    }

    public var description: String { address.isIPv6 ? "[\(address)]:\(port)" : "\(address):\(port)" }

    var family: CInt { address.isIPv6 ? AF_INET6 : AF_INET }

    /// Hands the endpoint to a call that takes a socket address.
    func withSocketAddress<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        if address.isIPv6 {
            var native = sockaddr_in6()
            native.sin6_family = sa_family_t(AF_INET6)
            native.sin6_port = port.bigEndian
            native.sin6_scope_id = scope
            withUnsafeMutableBytes(of: &native.sin6_addr) { $0.copyBytes(from: address.bytes) }
            return withUnsafeBytes(of: &native) { Self.call($0, body) }
        }
        var native = sockaddr_in()
        native.sin_family = sa_family_t(AF_INET)
        native.sin_port = port.bigEndian
        withUnsafeMutableBytes(of: &native.sin_addr) { $0.copyBytes(from: address.bytes) }
        return withUnsafeBytes(of: &native) { Self.call($0, body) }
    }

    private static func call<R>(
        _ bytes: UnsafeRawBufferPointer, _ body: (UnsafePointer<sockaddr>, socklen_t) -> R
    ) -> R {
        withUnsafePointer(to: sockaddr()) { fallback in
            body(bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) ?? fallback, socklen_t(bytes.count))
        }
    }

    /// Reads what the kernel has written into a socket address; nil for another family.
    init?(_ storage: sockaddr_storage) {
        let found: Endpoint? = withUnsafeBytes(of: storage) { bytes in
            switch CInt(storage.ss_family) {
            case AF_INET:
                let native = bytes.loadUnaligned(as: sockaddr_in.self)
                let address = withUnsafeBytes(of: native.sin_addr) { IPAddress(bytes: [UInt8]($0)) }
                return Endpoint(address, port: UInt16(bigEndian: native.sin_port))
            case AF_INET6:
                let native = bytes.loadUnaligned(as: sockaddr_in6.self)
                let address = withUnsafeBytes(of: native.sin6_addr) { IPAddress(bytes: [UInt8]($0)) }
                return Endpoint(address, port: UInt16(bigEndian: native.sin6_port), scope: native.sin6_scope_id)
            default: return nil
            }
        }
        guard let found else { return nil }
        self = found
    }
}
